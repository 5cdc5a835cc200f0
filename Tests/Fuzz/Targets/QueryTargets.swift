import RecordOutput
import RecordQuery
import RecordSchema
import TestRecords

/// What both targets of SQL ask.
private enum Things {
  static let stream: [UInt8] =
    preambleBytes()
    + (1...3).flatMap { number in
      RecordBuilder().number("pid", UInt64(number)).number("where", .max)
        .tail("name", Array("a\"b\n".utf8)).address("address", [127, 0, 0, 1])
        .unreadable("groups").record
    }

  static func database() throws -> QueryDatabase {
    let table = QueryTable(testSchema) { scan in
      let projection = try Projection(testSchema, columns: scan.columns)
      return try StoredRecords(BytesSource(stream), projection: projection)
    }
    return try QueryDatabase(tables: [table], host: testHost())
  }

  /// May a statement of these words run for ever? That is up to who asks: it can be interrupted.
  static func mayBeEndless(_ sql: String) -> Bool {
    let words = sql.lowercased()
    return words.contains("with") || words.split(separator: "things").count > 4
      || words.contains("blob(") || words.contains("printf(") || words.contains("format(")
  }
}

/// Any text as a condition: chooses among the records, and does nothing else.
enum ConditionTarget {
  static var seeds: [[UInt8]] {
    [
      "pid = 1", "name LIKE 'a%' OR uid IS NULL", "pid IN (SELECT pid FROM things) -- comment",
      "rss_bytes / 0 > 1e3 AND \"where\" <> x'00'", "max(pid, 2) BETWEEN 1 AND 2",
      "1) OR (1", "pid = 1; DROP TABLE things", "CASE WHEN state = 'on' THEN 1 END",
    ].map { Array($0.utf8) }
  }

  static func run(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    if Things.mayBeEndless(text) { return }
    do {
      var query = RowQuery()
      query.condition = text
      let all = try Things.database().select(RowQuery(), from: "things").count
      let chosen = try Things.database().select(query, from: "things")
      if chosen.count > all { finding("\(chosen.count) of \(all) records") }
      query.restrictions = ["pid = 2"]
      let restricted = try Things.database().select(query, from: "things")
      let shown = try pids(restricted)
      if !Set(shown).isSubset(of: [2]) { finding("\(shown) in spite of pid = 2") }
    } catch is QueryError {
    } catch {
      finding("\(error)")
    }
  }

  private static func pids(_ records: SelectedRecords) throws -> [UInt64] {
    let projection = records.projection
    var stream = RecordStream(records, schema: projection.schema, layout: projection.layout)
    let index = projection.schema.storedFields.firstIndex { $0.name == "pid" } ?? 0
    let slot = projection.layout.slots[index]
    var pids: [UInt64] = []
    while try stream.nextRecords({ record, _ in
      if let pid = record.value(slot).number { pids.append(pid) }
    }) {}
    return pids
  }
}

/// Any text as a statement: its result is what each form of output can hold.
enum StatementTarget {
  static var seeds: [[UInt8]] {
    [
      "SELECT * FROM things", "SELECT name, count(*) AS \"a\u{1b}b\" FROM things GROUP BY 1",
      "SELECT a.pid, b.name FROM things a JOIN things b USING (pid) ORDER BY 2 DESC LIMIT 1",
      "VALUES (1, 'x', NULL, 1e999, x'ff00', -9223372036854775808)",
      "EXPLAIN QUERY PLAN SELECT 1", "PRAGMA table_info(things)", "ATTACH ':memory:' AS x",
      "SELECT group_concat(name, char(27)) OVER (PARTITION BY uid) FROM things", ";",
    ].map { Array($0.utf8) }
  }

  static func run(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    if Things.mayBeEndless(text) { return }
    do {
      let json = try result(of: text) { JSONWriter($0, host: testHost(), lines: false) }
      Checks.isJSON(json)
      _ = try result(of: text) { CSVWriter($0, host: testHost(), header: false) }
      let shown = try result(of: text) {
        TableWriter($0, host: testHost(), style: TableStyle(width: 80))
      }
      Checks.isHarmless(shown)
    } catch is QueryError {
    } catch {
      finding("\(error)")
    }
  }

  private static func result<Writer: RecordWriter & ~Copyable>(
    of sql: String, _ writer: (Projection) -> Writer
  ) throws -> [UInt8] {
    let statement = try Things.database().prepare(sql)
    let projection = Projection(allOf: statement.schema)
    return try output(of: statement, projection, writer(projection))
  }
}
