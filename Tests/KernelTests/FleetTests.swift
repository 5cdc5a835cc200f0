import Foundation
import IteratorCatalog
import RecordSchema
import Testing

/// Rows of several hosts in engines that others make: do the definitions fit, and the answers agree?
@Suite(.kernel, .serialized) struct FleetTests {
  /// An engine, as a package of Python.
  enum Engine: String, CaseIterable, CustomTestStringConvertible {
    case duckdb
    case clickhouse

    private var package: String { self == .duckdb ? "duckdb" : "chdb" }
    var testDescription: String { rawValue }

    private static let folder = packageRoot().appending(path: ".build-python/bin").path
    static let python = folder + "/python"
    /// DuckDB's command line.
    static let client = folder + "/duckdb"

    /// `make test` fetches DuckDB, `make check-fleet` ClickHouse, too.
    static let available = allCases.filter { engine in
      let output = try? Command.run([python, "-c", "import jsonschema, \(engine.package)"])
      return output?.status == 0
    }

    static func note() -> Comment {
      let missing = allCases.filter { !available.contains($0) }.map { $0.rawValue }
      return "not to be had here: \(missing.joined(separator: ", ")); make check-fleet fetches them"
    }
  }

  private static let programs = packageRoot().appending(path: "Tests/Fleet").path
  private let folder = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())")

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func ask(_ engine: Engine, _ arguments: [String]) throws -> Data {
    let output = try Command.run(
      [Engine.python, "\(Self.programs)/engines.py", engine.rawValue] + arguments,
      timeout: .seconds(120))
    guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
    return output.stdout
  }

  @Test func noEngineIsMissing() throws {
    withKnownIssue(Engine.note()) {
      #expect(Engine.available == Engine.allCases)
    } when: {
      Engine.available != Engine.allCases
    }
  }

  /// What is loaded with a table's definition comes back as it was, and each row is as the JSON
  /// Schema says. One process for all tables: an engine takes a second to start.
  @Test(.enabled(if: !Engine.available.isEmpty, Engine.note()))
  func everyValueOfEveryTableIsKept() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let links = try MadeLinks()
    let fixtures = try [Fixture("files"), Fixture("sockets")]
    var counts: [String: Int] = [:]
    for table in Catalog.tables.map({ $0.schema.name }) {
      let command = [ContractTests.command(table), "-c", "all", "--stamp", "-o", "jsonl"]
      let output = try Kiter.run(command + ["--limit", "2000"])
      #expect(output.status == 0, "\(output.stderr)")
      try output.stdout.write(to: folder.appending(path: "\(table).jsonl"))
      counts[table] = output.text.split(separator: "\n").count
    }
    #expect(counts.values.count { $0 > 0 } > 8, "\(counts)")
    for engine in Engine.available {
      let kept = try ask(engine, ["keep", Kiter.executable(), folder.path])
      #expect(try JSONDecoder().decode([String: Int].self, from: kept) == counts, "\(engine)")
    }
    withExtendedLifetime((links, fixtures)) {}
  }

  /// docs/fleet.md: which hosts run a deleted program, who talks to an address, which containers have
  /// most files open.
  @Test(.enabled(if: !Engine.available.isEmpty, Engine.note()))
  func threeHostsAnswerThreeQuestions() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var fleet = Fleet()
    fleet.hosts = [
      try Fleet.Host("web-1", deleted: true, talks: true, files: [20, 50], in: folder),
      try Fleet.Host("web-2", talks: true, files: [40], isSnapshot: true, in: folder),
      try Fleet.Host(
        "db-1", deleted: true, files: [10, 11, 12, 13, 14, 15, 16, 17, 18], in: folder),
    ]
    #expect(fleet.deleted.count == 2 && fleet.clients.count == 2)
    let document = packageRoot().appending(path: "docs/fleet.md").path
    for engine in Engine.available {
      let data = try ask(engine, ["answer", Kiter.executable(), document, folder.path])
      let answers = try #require(try JSONSerialization.jsonObject(with: data) as? [[[String: Any]]])
      try #require(answers.count == 3)
      #expect(Set(answers[0].map { "\($0["host"]!) \($0["pid"]!)" }) == fleet.deleted)
      #expect(answers[0].count == fleet.deleted.count)
      #expect(
        Set(answers[1].map { "\($0["host"]!) \($0["pid"]!) \($0["local_port"]!)" }) == fleet.clients
      )
      #expect(answers[1].count == fleet.clients.count)
      #expect(
        answers[2].map { "\($0["host"]!) \($0["container_id"]!) \($0["open_files"]!)" }
          == fleet.topContainers)
    }
  }

  /// Each statement and look has its own time, and names nothing twice.
  @Test func aStampIsRefusedWhereItCannotBe() throws {
    for (arguments, reason) in [
      (["tasks", "--stamp"], "add --output jsonl, csv or json"),
      (["stacks", "--stamp", "--folded"], "add --output jsonl, csv or json"),
      (["sql", "--stamp", "-o", "jsonl", "SELECT 1 AS boot_id"], "adds the column boot_id"),
      (["schema", "tasks", "--stamp"], "--as"),
    ] {
      let output = try Kiter.run(arguments)
      #expect(output.status == 64 && output.stdout.isEmpty)
      #expect(output.stderr.contains(reason), "\(output.stderr)")
    }
    let named = try Kiter.rows("tasks", "--stamp-host", "node-1", "--limit", "1")
    #expect(named.map { $0.text("host") } == ["node-1"])
    let shell = try Command.run(
      [Kiter.executable(), "sql", "--stamp", "-o", "jsonl"],
      input: Data("SELECT 1 AS a;\nSELECT 2 AS a;\n".utf8))
    let rows = try shell.stdout.split(separator: UInt8(ascii: "\n")).map { try Row(json: $0) }
    try #require(rows.count == 2)
    #expect(try #require(rows[0].text("time")) < #require(rows[1].text("time")))
  }

  /// docs/fleet.md as it stands there: ssh is the only stand-in, and runs its command here.
  @Test func theDocumentsCommandsRun() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let text = try String(
      contentsOf: packageRoot().appending(path: "docs/fleet.md"), encoding: .utf8)
    let blocks = text.matches(of: /```sh\n((?s:.*?))```/).map { String($0.1) }
    let isDuckDBThere = FileManager.default.isExecutableFile(atPath: Engine.client)
    let commands = blocks.filter {
      // Nobody has this client for the machines of tests.
      !$0.contains("clickhouse-client") && (isDuckDBThere || !$0.contains("| duckdb"))
    }
    #expect(commands.count == (isDuckDBThere ? 6 : 5))
    let setup = """
      set -e; cd '\(folder.path)'
      kiter() { '\(try Kiter.executable())' "$@"; }
      duckdb() { '\(Engine.client)' "$@"; }
      ssh() { shift; [ "$1" != sudo ] || shift; "$@"; }

      """
    let output = try Command.run(["sh", "-c", setup + commands.joined()])
    #expect(output.status == 0 && output.stderr.isEmpty, "\(output.stderr)")
    let name = try Command.run(["uname", "-n"]).text.trimmingCharacters(in: .newlines)
    let kept = try Command.run([
      "sqlite3", folder.appending(path: "fleet.sqlite").path,
      "SELECT count(*) > 0, min(host), max(host), min(typeof(fd)) FROM files",
    ])
    #expect(kept.text == "1|\(name)|\(name)|integer\n", "\(kept.stderr)")
    guard isDuckDBThere else { return }
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".files.jsonl") }
    #expect(files.count == 3)
    let lines = try files.map {
      try String(contentsOf: folder.appending(path: $0), encoding: .utf8).split(separator: "\n")
        .count
    }
    let loaded = try Command.run([
      Engine.client, folder.appending(path: "fleet.duckdb").path, "-csv", "-noheader",
      "SELECT count(*), min(host), max(host) FROM files",
    ])
    #expect(loaded.text == "\(lines.reduce(0, +)),\(name),\(name)\n", "\(loaded.stderr)")
  }
}
