import Foundation
import IteratorCatalog
import RecordSchema
import Testing

/// What every table promises, whatever it is about.
@Suite(.kernel) struct ContractTests {
  static let tables = Catalog.tables.map { $0.schema.name }

  private static func schema(_ name: String) throws -> Schema {
    try #require(Catalog.tables.first { $0.schema.name == name }).schema
  }

  static func command(_ table: String) -> String {
    table.replacingOccurrences(of: "_", with: "-")
  }

  @Test(arguments: tables) func loadsAndGivesValidJSONOfItsColumns(table: String) throws {
    let schema = try Self.schema(table)
    let output = try Kiter.run([
      Self.command(table), "--columns", "all", "--json", "--limit", "2000",
    ])
    #expect(output.status == 0, "\(output.stderr)")
    let rows = try #require(
      try JSONSerialization.jsonObject(with: output.stdout) as? [[String: Any]])
    let names = Set(schema.columns.map(\.name))
    for row in rows {
      #expect(Set(row.keys).subtracting(["_cut", "_unreadable"]) == names)
      for field in schema.columns {
        let value = try #require(row[field.name])
        #expect(value is NSNull || hasType(value, field.kind), "\(field.name): \(value)")
      }
    }
  }

  @Test(arguments: tables) func keysTellRowsApart(table: String) throws {
    let key = try Self.schema(table).key
    #expect(!key.isEmpty)
    let rows = try Kiter.run([
      Self.command(table), "--columns", key.joined(separator: ","), "--output", "csv",
      "--no-header",
    ])
    let lines = rows.text.split(separator: "\n")
    #expect(Set(lines).count == lines.count, "two rows of \(table) have the same \(key)")
  }

  @Test(arguments: tables) func helpHasALineForEachColumn(table: String) throws {
    let help = try Kiter.run([Self.command(table), "--help"])
    #expect(help.status == 0)
    let lines = help.text.split(separator: "\n").map { $0.drop { " *".contains($0) } }
    for field in try Self.schema(table).columns {
      #expect(lines.contains { $0.hasPrefix(field.name + " ") }, "\(field.name)")
    }
  }

  @Test(arguments: tables) func schemaIsPrintedAsItIs(table: String) throws {
    let output = try Kiter.run(["schema", table])
    let printed = try #require(
      try JSONSerialization.jsonObject(with: output.stdout) as? [String: Any])
    let fields = try #require(printed["fields"] as? [[String: Any]])
    #expect(fields.map { $0["name"] as? String } == (try Self.schema(table)).fields.map(\.name))
  }

  @Test(arguments: ["table", "csv", "jsonl"]) func everyFormatHasTheRow(format: String) throws {
    let fixture = try Fixture("sleep")
    let output = try Kiter.run([
      "tasks", "--pid", "\(fixture.pid)", "--output", format, "--no-header",
    ])
    #expect(output.text.split(separator: "\n").count == 1)
    #expect(output.text.contains("\(fixture.pid)"))
  }

  @Test(arguments: tables) func completionsKnowTheTable(table: String) throws {
    for shell in ["bash", "zsh", "fish"] {
      let script = try Kiter.run(["--generate-completion-script", shell])
      #expect(script.status == 0)
      #expect(script.text.contains(Self.command(table)))
    }
  }

  @Test func theListHasEveryTable() throws {
    let output = try Kiter.run(["list"])
    #expect(output.status == 0)
    for table in Self.tables {
      #expect(output.text.contains("\n\(table) "), "\(table)")
    }
  }

  @Test func theDoctorFindsNothingMissingHere() throws {
    let output = try Kiter.run(["doctor"])
    #expect(output.status == 0, "\(output.text)")
    for table in Self.tables { #expect(output.text.contains("table \(table):")) }
  }
}

/// Has a JSON value the type that its field's kind promises?
private func hasType(_ value: Any, _ kind: Kind) -> Bool {
  switch kind {
  case .count, .integer, .id, .pid, .uid, .gid, .bytes, .offset, .nanoseconds, .microseconds,
    .milliseconds, .seconds, .bootTime, .percent, .inode, .port:
    return value is NSNumber
  case .boolean: return value as? Bool != nil
  case .address, .mask, .cookie: return (value as? String)?.hasPrefix("0x") == true
  case .device: return (value as? String)?.split(separator: ":").count == 2
  case .mode: return (value as? String).map { Int($0, radix: 8) != nil } == true
  case .flags: return value is [String]
  case .list: return value is [NSNumber]
  case .timestamp: return (value as? String)?.hasSuffix("Z") == true
  case .enumeration, .ip, .path, .text, .arguments: return value is String
  case .hex: return (value as? String)?.allSatisfy(\.isHexDigit) == true
  case .json: return true
  }
}

/// The folder with Package.swift.
func packageRoot() -> URL {
  URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
}
