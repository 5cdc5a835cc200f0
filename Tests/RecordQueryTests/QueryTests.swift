import RecordOutput
import RecordSchema
import Synchronization
import TestRecords
import Testing

@testable import RecordQuery

/// What a table's reader was asked for.
private final class Scans: Sendable {
  private let list = Mutex<[TableScan]>([])
  func add(_ scan: TableScan) { list.withLock { $0.append(scan) } }
  var all: [TableScan] { list.withLock { $0 } }
}

@Suite struct QueryTests {
  private let scans = Scans()

  /// A database with the tables `things` and `others`, of these records.
  private func database(_ records: [RecordBuilder]) throws -> QueryDatabase {
    var other = testSchema
    other.name = "others"
    let scans = scans
    let stored = records.map(\.record)
    let tables = [testSchema, other].map { schema in
      QueryTable(schema) { scan in
        scans.add(scan)
        let projection = try Projection(schema, columns: scan.columns)
        var bytes = preambleBytes(schema)
        for record in stored { bytes += record }
        return try StoredRecords(BytesSource(bytes), projection: projection)
      }
    }
    return try QueryDatabase(tables: tables, host: testHost())
  }

  private func json(_ sql: String, _ records: [RecordBuilder]) throws -> String {
    let rows = try database(records).prepare(sql)
    let projection = Projection(allOf: rows.schema)
    var writer = JSONWriter(projection, host: testHost(), lines: true)
    var stream = RecordStream(rows, schema: projection.schema, layout: projection.layout)
    while try stream.nextRecords({ writer.append($0, $1) }) {}
    return String(decoding: writer.output.bytes, as: UTF8.self)
  }

  private func thing(_ pid: UInt64, _ name: String) -> RecordBuilder {
    RecordBuilder().number("pid", pid).tail("name", Array(name.utf8))
  }

  @Test func aRowHasItsValuesAndTheirKinds() throws {
    let record = thing(7, "a\"b").number("rss_bytes", 4096).number("where", 0xffff_8880_0000_0000)
    let line = try json(
      "SELECT pid, name, rss_bytes, uid, \"where\", 1.5, 'x' y FROM things", [record])
    #expect(
      line
        == #"{"pid":7,"name":"a\"b","rss_bytes":4096,"uid":null,"where":"0xffff888000000000","1.5":1.5,"y":"x"}"#
        + "\n")
  }

  @Test func whatWasNotSeenAsItIsIsNoted() throws {
    let records = [
      RecordBuilder().unreadable("pid").tail("name", Array("ab".utf8), isCut: true),
      RecordBuilder().number("pid", 7).tail("name", Array("abc".utf8)),
    ]
    let database = try database(records)
    let rows = try database.prepare("SELECT count(*) FROM things WHERE pid > 1 OR name > 'a'")
    let projection = Projection(allOf: rows.schema)
    var stream = RecordStream(rows, schema: projection.schema, layout: projection.layout)
    while try stream.nextRecords({ _, _ in }) {}
    #expect(
      database.notes == [
        QueryNote(table: "things", column: "pid", unreadable: 1, cut: 0),
        QueryNote(table: "things", column: "name", unreadable: 0, cut: 1),
      ])
  }

  @Test func twoColumnsOfOneNameStayTwo() throws {
    let line = try json("SELECT pid, pid FROM things", [thing(7, "a")])
    #expect(line == "{\"pid\":7,\"pid_2\":7}\n")
  }

  @Test func onlyTheColumnsUsedAreRead() throws {
    _ = try json("SELECT name FROM things WHERE rss_bytes > 5 ORDER BY uid", [])
    #expect(scans.all.map(\.columns) == [["rss_bytes", "name", "uid"]])
  }

  @Test func aTableIsReadOnceForAStatement() throws {
    let records = (1...100).map { thing($0, "n\($0)") }
    let line = try json(
      "SELECT count(*) n FROM things a JOIN others b USING (pid) WHERE a.name = b.name", records)
    #expect(line == "{\"n\":100}\n")
    #expect(scans.all.count == 2)
  }

  @Test func aTableUsedTwiceIsReadWholeAndOnce() throws {
    let records = (1...10).map { thing($0, "n") }
    let line = try json(
      "SELECT count(*) n FROM things a JOIN things b ON a.name = b.name WHERE a.pid = 3", records)
    #expect(line == "{\"n\":10}\n")
    #expect(scans.all == [TableScan(columns: ["pid", "name"])])
  }

  @Test func aConstantNarrowsTheWalk() throws {
    _ = try json("SELECT name FROM things WHERE pid = 3 AND uid = 0", [thing(3, "a")])
    let scan = try #require(scans.all.first)
    #expect(scan.pid == 3)
    #expect(scan.matches == ["uid": .number(0)])
  }

  @Test(arguments: ["pid = 'x'", "pid = -1", "pid = 1.5", "pid = NULL", "uid = 'root'"])
  func whatCannotBeEqualGivesNoRows(condition: String) throws {
    #expect(try json("SELECT name FROM things WHERE \(condition)", [thing(3, "a")]) == "")
  }

  @Test func aJoinIsALookup() throws {
    let plan = try json(
      "EXPLAIN QUERY PLAN SELECT 1 FROM things JOIN others ON others.pid = things.uid", [])
    #expect(plan.contains("index:pid"))
    let constant = try json("EXPLAIN QUERY PLAN SELECT 1 FROM things WHERE pid = 3", [])
    #expect(constant.contains("kernel:pid"))
  }

  @Test func anAmbiguousColumnIsTheFirstTables() throws {
    let rows = try database([thing(1, "a")]).prepare(
      "SELECT name FROM others JOIN things USING (pid)")
    #expect(rows.choices == ["name is taken from others"])
    #expect(throws: QueryError.self) {
      _ = try database([]).prepare("SELECT name FROM things a JOIN things b USING (pid)")
    }
  }

  @Test(arguments: [
    "PRAGMA user_version", "ATTACH '/tmp/x' AS x", "CREATE TABLE x(a)", "DELETE FROM things",
    "INSERT INTO things(pid) VALUES (1)", "UPDATE things SET pid = 1", "VACUUM INTO '/tmp/x'",
    "SELECT load_extension('x')", "BEGIN", "DROP TABLE things", "SELECT * FROM pragma_table_list",
    "SELECT writefile('/tmp/x', 'y')", "SELECT readfile('/etc/passwd')", "",
    "SELECT 1; SELECT 2",
  ])
  func refusesAllButReading(sql: String) throws {
    let database = try database([])
    #expect(throws: QueryError.self) { _ = try database.prepare(sql) }
  }

  @Test func anErrorPointsAtItsPlace() throws {
    let database = try database([])
    do {
      _ = try database.prepare("SELECT pid, nmae FROM things")
      Issue.record("nmae is no column")
    } catch {
      #expect("\(error)".hasSuffix("\n  SELECT pid, nmae FROM things\n              ^"))
    }
  }

  @Test func manyRowsComeWhole() throws {
    let text = String(repeating: "x", count: 3000)
    let records = (1...1000).map { thing($0, text) }
    let lines = try json("SELECT pid, name FROM things ORDER BY pid DESC", records)
    #expect(lines.split(separator: "\n").count == 1000)
    #expect(lines.hasPrefix("{\"pid\":1000,\"name\":\"xxx"))
  }
}
