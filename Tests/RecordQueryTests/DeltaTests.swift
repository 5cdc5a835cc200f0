import RecordOutput
import RecordSchema
import TestRecords
import Testing

@testable import RecordQuery

@Suite struct DeltaTests {
  /// Things with a counter, and a start that tells one from another of the same number.
  private static let schema: Schema = {
    var schema = testSchema
    schema.fields = testSchema.fields.map { field in
      var field = field
      if field.name == "busy_ns" { field.isCounter = true }
      if field.name == "started_ns" { field.isHidden = false }
      return field
    }
    return schema
  }()
  private static let delta = DeltaSchema(schema)

  /// A table that has other records at each reading, a second and a half after the one before.
  private func table(_ readings: [[RecordBuilder]], _ schema: Schema = schema) -> QueryTable {
    var rest = readings[...]
    var time: UInt64 = 5_000_000_000
    return QueryTable(schema) { scan in
      var preamble = try #require(
        preambleBytes(schema).withUnsafeBytes { Preamble(startOf: $0) })
      preamble.bootTime = time
      time += 1_500_000_000
      let records = rest.removeFirst().flatMap(\.record)
      let projection = try Projection(schema, columns: scan.columns)
      return try StoredRecords(BytesSource(preamble.encoded + records), projection: projection)
    }
  }

  /// What the last of some readings shows, as JSON Lines.
  private func look(
    _ readings: [[RecordBuilder]], columns: [String] = ["_change", "pid", "busy_ns_per_second"],
    scans: [TableScan]? = nil, schema: Schema = schema
  ) throws -> String {
    let delta = DeltaSchema(schema)
    let changes = DeltaTable(table(readings, schema), delta, host: testHost())
    var last: StoredRecords?
    for index in readings.indices {
      last = try changes.read(scans?[index] ?? TableScan(columns: columns))
    }
    let projection = try Projection(delta.schema, columns: columns)
    var writer = JSONWriter(projection, host: testHost(), lines: true)
    var stream = RecordStream(
      try #require(last).all, schema: projection.schema, layout: projection.layout)
    while try stream.nextRecords({ writer.append($0, $1) }) {}
    return String(decoding: writer.output.bytes, as: UTF8.self)
  }

  private func thing(_ pid: UInt64, busy: UInt64? = nil, started: UInt64 = 1) -> RecordBuilder {
    let thing = RecordBuilder(Self.schema).number("pid", pid).number("started_ns", started)
    return busy.map { thing.number("busy_ns", $0) } ?? thing
  }

  @Test func aCounterIsItsChangePerSecond() throws {
    let text = try look([
      [thing(1, busy: 1000), thing(2, busy: 7), thing(3, busy: 50), thing(4), thing(5, busy: 9)],
      [thing(1, busy: 4000), thing(2, busy: 7), thing(3, busy: 49), thing(4, busy: 5), thing(5)],
    ])
    // One that falls, begins or ends has no rate: that is not 0.
    #expect(
      text == """
        {"_change":null,"pid":1,"busy_ns_per_second":2000.0}
        {"_change":null,"pid":2,"busy_ns_per_second":0.0}
        {"_change":null,"pid":3,"busy_ns_per_second":null}
        {"_change":null,"pid":4,"busy_ns_per_second":null}
        {"_change":null,"pid":5,"busy_ns_per_second":null}

        """)
  }

  @Test func anEstimateThatFallsStandsStill() throws {
    var schema = Self.schema
    schema.fields.append(
      Field(
        name: "age", type: nil, kind: .seconds, summary: "age", source: "x", oracle: "none: test",
        isCounter: true, derivation: .ageSeconds, inputs: ["busy_ns"]))
    // It is the time of the look less the number: 3 s, then 1 s, then 5.5 s.
    let text = try look(
      [
        [thing(1, busy: 2_000_000_000)], [thing(1, busy: 5_500_000_000)],
        [thing(1, busy: 2_000_000_000)],
      ],
      columns: ["pid", "age_per_second"], schema: schema)
    #expect(text == "{\"pid\":1,\"age_per_second\":2.0}\n")
  }

  @Test func aFirstLookHasNothingNew() throws {
    #expect(
      try look([[thing(1, busy: 1000)]])
        == "{\"_change\":null,\"pid\":1,\"busy_ns_per_second\":null}\n")
  }

  @Test func whatIsGoneStandsWhereItStood() throws {
    let text = try look(
      [
        [thing(1), thing(2), thing(3), thing(4), thing(5)],
        [thing(9), thing(2), thing(5), thing(7)],
      ], columns: ["_change", "pid"])
    #expect(
      text == """
        {"_change":"gone","pid":1}
        {"_change":"new","pid":9}
        {"_change":null,"pid":2}
        {"_change":"gone","pid":3}
        {"_change":"gone","pid":4}
        {"_change":null,"pid":5}
        {"_change":"new","pid":7}

        """)
    let third = try look(
      [[thing(1), thing(2)], [thing(2)], [thing(2)]], columns: ["_change", "pid"])
    #expect(third == "{\"_change\":null,\"pid\":2}\n", "gone is said once")
  }

  @Test func aNumberThatWasTakenOverIsAnother() throws {
    let text = try look([[thing(1, busy: 5, started: 1)], [thing(1, busy: 500, started: 2)]])
    #expect(
      text == """
        {"_change":"gone","pid":1,"busy_ns_per_second":null}
        {"_change":"new","pid":1,"busy_ns_per_second":null}

        """)
  }

  @Test func readingsOfOtherRowsAreNotCompared() throws {
    var narrow = TableScan(columns: ["_change", "pid"])
    narrow.pid = 1
    let text = try look(
      [[thing(1), thing(2)], [thing(1)]], columns: ["_change", "pid"],
      scans: [TableScan(columns: ["_change", "pid"]), narrow])
    #expect(text == "{\"_change\":null,\"pid\":1}\n")
  }

  @Test func everyOtherValueStaysWhatItWas() throws {
    let full = RecordBuilder(Self.schema)
      .number("pid", 42).number("nice", UInt64(bitPattern: -5)).number("state", 2)
      .number("modes", 0x131).number("rss_bytes", 1_572_864)
      .number("where", 0xffff_8000_0000_1000).number("device", 8 << 20 | 1)
      .number("mode", 0o100_644).number("busy_ns", 1_234_567).number("is_new", 1)
      .address("address", [10, 0, 0, 1]).tail("name", Array("a \"b\"\n".utf8) + [0xff], isCut: true)
      .tail("arguments", Array("sh\0-c\0x\0".utf8)).tail("groups", [4, 0, 0, 0, 9, 1, 0, 0])
      .number("uid", 1000).number("started_ns", 5_000_000_000)
    let bad = RecordBuilder(Self.schema).number("pid", 43).unreadable("name").unreadable("uid")
    let columns = Self.schema.columns.map(\.name)
    let projection = try Projection(Self.schema, columns: columns)
    var writer = JSONWriter(projection, host: testHost(), lines: true)
    let bytes = preambleBytes(Self.schema) + full.record + bad.record
    var stream = RecordStream(
      BytesSource(bytes), schema: projection.schema, layout: projection.layout)
    while try stream.nextRecords({ writer.append($0, $1) }) {}
    let plain = String(decoding: writer.output.bytes, as: UTF8.self)
    #expect(try look([[full, bad], [full, bad]], columns: columns) == plain)
    #expect(plain.contains("_cut") && plain.contains("_unreadable"))
  }

  /// Masks of several words, and as many new fields as push bits from one to the next.
  @Test(arguments: [1, 2, 9, 40])
  func recordsOfManyFieldsStayWhatTheyWere(counters: Int) throws {
    var schema = Self.schema
    schema.fields += (0..<130).map { number in
      Field(
        name: "f\(number)", type: number % 10 == 0 ? .text : .u16,
        kind: number % 10 == 0 ? .text : .count,
        summary: "x", source: "x", oracle: "none: test",
        isCounter: number % 10 != 0 && number < counters * 10 / 9)
    }
    let record = (0..<130).reduce(RecordBuilder(schema).number("pid", 1)) { record, number in
      let name = "f\(number)"
      switch number % 10 {
      case 0: return record.tail(name, Array("text \(number)".utf8), isCut: number % 20 == 0)
      case 1...6: return record.number(name, UInt64(number))
      case 7: return record.unreadable(name)
      default: return record
      }
    }
    let columns = ["pid"] + (0..<130).map { "f\($0)" }
    let projection = try Projection(schema, columns: columns)
    var writer = JSONWriter(projection, host: testHost(), lines: true)
    var stream = RecordStream(
      BytesSource(preambleBytes(schema) + record.record), schema: schema, layout: projection.layout)
    while try stream.nextRecords({ writer.append($0, $1) }) {}
    let plain = String(decoding: writer.output.bytes, as: UTF8.self)
    #expect(try look([[record], [record]], columns: columns, schema: schema) == plain)
  }

  @Test func namesOfCountersStandForTheirRates() {
    #expect(
      Self.delta.shown(["pid", "busy_ns", "_change", "name", "busy_ns_per_second"])
        == ["pid", "busy_ns_per_second", "name"])
    #expect(
      Self.delta.sources(of: ["_change", "busy_ns_per_second", "name"])
        == ["busy_ns", "name", "pid", "started_ns"])
  }

  @Test func whatHasChangedCanBeAskedFor() throws {
    let table = table([
      [thing(1, busy: 0), thing(2, busy: 0)], [thing(1, busy: 15), thing(3)],
    ])
    let changes = DeltaTable(table, Self.delta, host: testHost())
    let database = try QueryDatabase(
      tables: [QueryTable(Self.delta.schema) { try changes.read($0) }], host: testHost())
    var query = RowQuery()
    query.condition = "_change IS NOT NULL OR busy_ns_per_second > 8"
    query.sort = [.init(column: "pid", isDescending: true)]
    #expect(try database.select(query, from: "things").count == 0)
    #expect(try database.select(query, from: "things").count == 3)
  }
}
