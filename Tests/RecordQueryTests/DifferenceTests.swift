import RecordOutput
import RecordQuery
import RecordSchema
import TestRecords
import Testing

/// What two readings do not share.
@Suite struct DifferenceTests {
  private static let columns = [
    "pid", "name", "user", "started_at", "rss_bytes", "state", "groups",
  ]

  private func reading(_ things: [RecordBuilder], _ schema: Schema = testSchema) throws
    -> StoredRecords
  {
    let bytes = preambleBytes(schema) + things.flatMap(\.record)
    return try StoredRecords(
      BytesSource(bytes), projection: Projection(schema, columns: Self.columns))
  }

  private func host(offset: Int64 = 0, users: String = "root::0\nada::1000\n") -> HostFacts {
    HostFacts(
      wallClockOffset: 1_700_000_000_000_000_000 + offset, finTimeout: { nil },
      users: { NameTable(passwd: Array(users.utf8)) },
      identity: { testHost().identity })
  }

  private func thing(_ pid: UInt64, _ name: String) -> RecordBuilder {
    RecordBuilder().number("pid", pid).tail("name", Array(name.utf8)).number("uid", 1000)
      .number("started_ns", 5_000_000_000)
  }

  /// The rows as JSON, of some columns.
  private func rows(
    _ difference: consuming RecordDifference, _ columns: [String] = ["change", "pid", "name"]
  ) throws -> [String] {
    let projection = try Projection(difference.schema, columns: columns)
    var stream = RecordStream(
      difference, schema: projection.schema, layout: projection.layout)
    var writer = JSONWriter(projection, host: testHost(), lines: true)
    while try stream.nextRecords({ writer.append($0, $1) }) {}
    return String(decoding: writer.output.bytes, as: UTF8.self).split(separator: "\n").map {
      String($0)
    }
  }

  @Test func rowsAreMatchedByTheirKey() throws {
    let old = try reading([thing(1, "a"), thing(2, "b"), thing(3, "c")])
    let new = try reading([thing(4, "d"), thing(3, "c"), thing(1, "x")])
    let difference = RecordDifference(from: (old, host()), to: (new, host()))
    #expect([difference.added, difference.removed, difference.changed] == [1, 1, 1])
    #expect(
      try rows(difference, ["change", "changed", "pid", "name"]) == [
        #"{"change":"removed","changed":null,"pid":2,"name":"b"}"#,
        #"{"change":"added","changed":null,"pid":4,"name":"d"}"#,
        #"{"change":"before","changed":"name","pid":1,"name":"a"}"#,
        #"{"change":"after","changed":"name","pid":1,"name":"x"}"#,
      ])
  }

  @Test func whatIsTheSameIsNotShown() throws {
    let things = [thing(1, "a").number("rss_bytes", 4096).unreadable("state"), thing(2, "b")]
    let difference = RecordDifference(
      from: (try reading(things), host()), to: (try reading(things), host()))
    #expect(try rows(difference) == [])
  }

  /// Unknown, 0, empty and none are four things.
  @Test(arguments: ["rss_bytes", "state"]) func whatIsUnknownIsNotZero(column: String) throws {
    let values = [
      thing(1, "a"), thing(1, "a").number(column, 0), thing(1, "a").unreadable(column),
    ]
    for (index, before) in values.enumerated() {
      for (other, after) in values.enumerated() {
        let difference = RecordDifference(
          from: (try reading([before]), host()), to: (try reading([after]), host()))
        #expect(difference.changed == (index == other ? 0 : 1), "\(index) and \(other)")
      }
    }
  }

  /// Each row's names and times are those of its own host; what the kernel said has not changed.
  @Test func eachSideHasItsHost() throws {
    let old = try reading([thing(1, "a"), thing(2, "b")])
    let new = try reading([thing(1, "a"), thing(3, "c")])
    let difference = RecordDifference(
      from: (old, host(users: "bob::1000\n")),
      to: (new, host(offset: 60_000_000_000)))
    #expect(
      try rows(difference, ["change", "pid", "user", "started_at"]) == [
        #"{"change":"removed","pid":2,"user":"bob","started_at":"2023-11-14T22:13:25.000Z"}"#,
        #"{"change":"added","pid":3,"user":"ada","started_at":"2023-11-14T22:14:25.000Z"}"#,
      ])
  }

  @Test func aValueOfEveryShapeComesThrough() throws {
    let full = thing(1, "a").number("state", 2).number("rss_bytes", 1 << 40)
      .tail("groups", [4, 0, 0, 0, 9, 1, 0, 0])
    let difference = RecordDifference(
      from: (try reading([]), host()), to: (try reading([full]), host()))
    #expect(
      try rows(difference, Self.columns) == [
        #"{"pid":1,"name":"a","user":"ada","started_at":"2023-11-14T22:13:25.000Z","#
          + #""rss_bytes":1099511627776,"state":"off","groups":[4,265]}"#
      ])
  }

  /// Another version of kiter may have recorded one of the two.
  @Test func layoutsMayDiffer() throws {
    var wider = testSchema
    wider.version = 2
    wider.fields.removeAll { $0.name == "nice" }
    let pid = wider.fields.firstIndex { $0.name == "pid" }
    wider.fields[try #require(pid)].type = .u64
    let same = RecordBuilder(wider).number("pid", 1).tail("name", Array("a".utf8))
      .number("uid", 1000).number("started_ns", 5_000_000_000)
    let difference = RecordDifference(
      from: (try reading([thing(1, "a")]), host()), to: (try reading([same], wider), host()))
    #expect(try rows(difference) == [])
  }

  /// A key should tell rows apart; where it does not, none gets lost.
  @Test func rowsOfOneKeyAreMatchedInTheirOrder() throws {
    let old = try reading([thing(1, "a"), thing(1, "b"), thing(1, "c")])
    let new = try reading([thing(1, "a"), thing(1, "b")])
    let difference = RecordDifference(from: (old, host()), to: (new, host()))
    #expect(try rows(difference) == [#"{"change":"removed","pid":1,"name":"c"}"#])
  }

  @Test func manyRowsDoNotDependOnTheBuffer() throws {
    let things = (1...5000).map { thing(UInt64($0), String(repeating: "n", count: $0 % 300)) }
    let difference = RecordDifference(
      from: (try reading([]), host()), to: (try reading(things), host()))
    let rows = try rows(difference, ["pid"])
    #expect(rows == (1...5000).map { "{\"pid\":\($0)}" })
  }
}
