import Foundation
import IteratorCatalog
import RecordSchema
import TestRecords
import Testing

@testable import RecordSnapshot

/// What is written comes back, by whatever version of kiter.
@Suite struct SnapshotTests {
  private let folder: TemporaryFolder
  private var path: String { folder.path("a.kiter") }

  init() throws { folder = try TemporaryFolder() }

  @Test func recordsAndFactsComeBack() throws {
    let records = thing(1, "init", uid: 0) + thing(7, "a\"b")
    try writeSnapshot(path, [(testSchema, preambleBytes() + records)])
    let file = try SnapshotFile(path)
    #expect(file.host == recordedHost())
    #expect(file.tables.map(\.name) == ["things"])
    let lines = try #require(try readSnapshot(path)["things"]).split(separator: "\n")
    #expect(lines.count == 2)
    // The user and the clock are the recorded host's.
    #expect(lines[0].contains(#""user":"root","started_at":"2023-11-14T22:13:27.000Z""#))
    #expect(lines[1].contains(#""pid":7,"#) && lines[1].contains(#""name":"a\"b""#))
    #expect(lines[1].contains(#""user":"ada""#))
  }

  /// A newer version may record more of the host.
  @Test func factsThatAreNotKnownArePassedOver() {
    let more = Array("novel".utf8) + [0, 2, 0, 0, 0, 1, 2]
    #expect(RecordedHost(more + recordedHost().encoded) == recordedHost())
    #expect(RecordedHost(more) == nil)
  }

  @Test func manyBlocksAndSessionsAreOneStream() throws {
    var bytes: [UInt8] = []
    var count: UInt64 = 0
    for session in 0..<3 {
      bytes += preambleBytes(lacking: UInt64(session))
      for _ in 0..<4000 {
        count += 1
        bytes += thing(count, String(repeating: "x", count: Int(count % 90)))
      }
    }
    try writeSnapshot(path, [(testSchema, bytes)])
    let file = try SnapshotFile(path)
    let table = try file.table("things")
    #expect(table.size > 3 * 256 << 10)
    var pids: [UInt64] = []
    var lacking: Set<UInt64> = []
    let layout = RecordLayout(testSchema)
    var stream = RecordStream(file.source(of: table), schema: testSchema, layout: layout)
    while try stream.nextRecords({ record, preamble in
      if let pid = record.value(layout.slots[0]).number { pids.append(pid) }
      lacking.insert(preamble.lacking[0])
    }) {}
    #expect(pids == Array(1...count))
    #expect(lacking == [0, 1, 2])
  }

  @Test func aTableWithoutRecordsIsThere() throws {
    try writeSnapshot(path, [(testSchema, preambleBytes()), (renamed("others"), [])])
    #expect(try readSnapshot(path) == ["things": "", "others": ""])
  }

  private func renamed(_ name: String) -> Schema {
    var schema = testSchema
    schema.name = name
    return schema
  }

  @Test func tablesAreReadApart() throws {
    let others = renamed("others")
    try writeSnapshot(
      path,
      [
        (testSchema, preambleBytes() + thing(1, "one")),
        (others, preambleBytes(others) + thing(2, "two")),
      ])
    let tables = try readSnapshot(path)
    #expect(tables["things"]?.contains("one") == true && tables["things"]?.contains("two") == false)
    #expect(tables["others"]?.contains("two") == true && tables["others"]?.contains("one") == false)
    let file = try SnapshotFile(path)
    #expect(throws: SnapshotError(path, "has no table tasks; it has things, others")) {
      _ = try file.table("tasks")
    }
  }

  /// The file's own schema rules, however that of this version of kiter looks.
  @Test func anotherVersionsSchemaDecodesItsRecords() throws {
    var other = testSchema
    other.version = 9
    other.fields.removeAll { ["nice", "state", "where"].contains($0.name) }
    other.fields.insert(
      Field(
        name: "newer", type: .u64, kind: .count, summary: "n", source: "k", oracle: "none: test",
        isDefault: true), at: 1)
    let record = RecordBuilder(other).number("pid", 3).number("newer", 11).number("rss_bytes", 5)
      .record
    try writeSnapshot(path, [(other, preambleBytes(other) + record)])
    let line = try #require(try readSnapshot(path)["things"])
    #expect(line.hasPrefix(#"{"pid":3,"newer":11,"#) && line.contains(#""rss_bytes":5"#))
    #expect(!line.contains("nice"))
  }

  /// The layout's hash is in the stream: records are never read by a schema that is not theirs.
  @Test func recordsOfAnotherLayoutAreRefused() throws {
    var other = testSchema
    other.version = 9
    try writeSnapshot(path, [(other, preambleBytes(other) + thing(1, "x"))])
    var bytes = Array(try Data(contentsOf: URL(filePath: path)))
    bytes = try replacingTables(bytes, testSchema.json)
    let changed = try folder.file(bytes)
    let error = #expect(throws: StreamError.self) { _ = try readSnapshot(changed) }
    #expect(error?.description.contains("another layout") == true)
  }

  /// The blocks with another schema in that of each table.
  private func replacingTables(_ bytes: [UInt8], _ json: [UInt8]) throws -> [UInt8] {
    var position = SnapshotBlock.firstLine.utf8.count
    var result = Array(bytes[..<position])
    while position < bytes.count {
      let header = Array(bytes[position..<position + SnapshotBlock.headerSize])
      let block = try #require(header.withUnsafeBytes { SnapshotBlock($0) })
      let end = position + SnapshotBlock.headerSize + block.stored
      if block.kind == .table {
        result += (Array("things".utf8) + [0] + json).withUnsafeBytes {
          SnapshotBlock.encoded(.table, $0)
        }
      } else {
        result += bytes[position..<end]
      }
      position = end
    }
    return result
  }

  @Test func onlyItsOwnerMayRead() throws {
    try writeSnapshot(path, [])
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    #expect(try folder.files == ["a.kiter"])
  }

  @Test func anOlderFileIsReplacedWhenTheNewOneIsWhole() throws {
    try writeSnapshot(path, [(testSchema, preambleBytes() + thing(1, "old"))])
    let cut = preambleBytes() + thing(2, "new").dropLast()
    #expect(throws: StreamError.self) { try writeSnapshot(path, [(testSchema, cut)]) }
    #expect(try readSnapshot(path)["things"]?.contains("old") == true)
    #expect(try folder.files == ["a.kiter"])
    try writeSnapshot(path, [(testSchema, preambleBytes() + thing(2, "new"))])
    #expect(try readSnapshot(path)["things"]?.contains("new") == true)
    #expect(try folder.files == ["a.kiter"])
  }

  /// As root, replacing /dev/null or what /dev/stdout points to would break the host.
  @Test func whatIsNoRegularFileIsLeftAlone() throws {
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "target")
    #expect(throws: SnapshotError.self) { try writeSnapshot(path, []) }
    #expect(throws: SnapshotError.self) { try writeSnapshot(folder.url.path, []) }
    #expect(throws: SnapshotError.self) { try writeSnapshot("/dev/null", []) }
    #expect(try folder.files == ["a.kiter"])
    #expect(throws: SnapshotError.self) { _ = try SnapshotFile("/dev/null") }
    #expect(throws: SnapshotError.self) { _ = try SnapshotFile(folder.path("none")) }
  }

  @Test(arguments: Catalog.tables.map { $0.schema.name })
  func aSchemaIsTheSameAsJSON(table: String) throws {
    let schema = try #require(Catalog.tables.first { $0.schema.name == table }).schema
    var read = try Schema(ofRecords: schema.json)
    // Shared sets come behind a table's own in one, and sorted in the other.
    for name in schema.names {
      let other = try #require(read.names.first { $0.name == name.name })
      #expect(Set(other.values.map(\.name)) == Set(name.values.map(\.name)))
      #expect(other.values.map(\.value) == name.values.map(\.value))
      #expect(other.isFlags == name.isFlags && other.numberMask == name.numberMask)
    }
    #expect(read.names.count == schema.names.count)
    read.names = schema.names
    #expect(read == schema)
  }

  @Test func whatANewerSchemaHasIsLeftOut() throws {
    let json = """
      {"name": "things", "version": 1, "summary": "s", "key": ["a"], "scopes": ["pid", "moon"],
       "programs": [{"name": "things", "target": "thing", "since": "9.1", "novel": 1}],
       "parameters": [{"name": "p", "type": "novel", "summary": "s"}],
       "fields": [
         {"name": "a", "type": "u32", "kind": "novel", "summary": "s", "source": "k", "oracle": "o"},
         {"name": "b", "kind": "text", "derive": "novel", "from": ["a"], "summary": "s",
          "source": "k", "oracle": "o"}]}
      """
    let schema = try Schema(ofRecords: Array(json.utf8))
    #expect(schema.fields.map(\.name) == ["a"])
    #expect(schema.fields[0].kind == .integer)
    #expect(schema.scopes == [.pid] && schema.parameters.isEmpty)
    // At build, a name that is not known is a mistake.
    #expect(throws: SchemaError.self) { _ = try Schema(json: Array(json.utf8)) }
    let stored = json.replacingOccurrences(of: "u32", with: "u128")
    #expect(throws: SchemaError.self) { _ = try Schema(ofRecords: Array(stored.utf8)) }
  }
}
