import RecordSchema
import TestRecords
import Testing

@Suite struct StreamTests {
  private static func pids(_ bytes: [UInt8], piece: Int = .max) throws -> [UInt64] {
    let projection = try Projection(testSchema, columns: ["pid"])
    var stream = RecordStream(
      BytesSource(bytes, piece: piece), schema: testSchema, layout: projection.layout)
    let slot = try #require(projection.columns[0].slot)
    var pids: [UInt64] = []
    while try stream.nextRecords({ record, _ in
      if let pid = record.value(slot).number { pids.append(pid) }
    }) {}
    return pids
  }

  private static let three = (1...3).flatMap { index in
    RecordBuilder().number("pid", UInt64(index))
      .tail("name", Array(repeating: 65, count: 10 * index)).record
  }

  @Test(arguments: [1, 2, 3, 7, 8, 9, 50, 51, 1000])
  func recordsSplitAnywhereAreWhole(piece: Int) throws {
    #expect(try Self.pids(preambleBytes() + Self.three, piece: piece) == [1, 2, 3])
  }

  @Test func aRepeatedPreambleIsNoRecord() throws {
    let bytes = preambleBytes() + preambleBytes() + Self.three + preambleBytes() + Self.three
    #expect(try Self.pids(bytes) == [1, 2, 3, 1, 2, 3])
  }

  /// A table of TCP sockets, of which the kernel may show one again.
  private static func numbers(_ key: [String], _ records: [UInt8]) throws -> [UInt64] {
    var schema = testSchema
    schema.programs = [.init(name: "things", target: "tcp", since: "6.1")]
    schema.key = key
    let projection = try Projection(schema, columns: ["pid"])
    var stream = RecordStream(
      BytesSource(preambleBytes(schema) + records, piece: 700), schema: schema,
      layout: projection.layout)
    let slot = try #require(projection.columns[0].slot)
    var numbers: [UInt64] = []
    while try stream.nextRecords({ record, _ in
      if let number = record.value(slot).number { numbers.append(number) }
    }) {}
    return numbers
  }

  @Test func whatTheKernelShowsAgainIsThereOnce() throws {
    // More than there is room for at first; steps that differ in the upper half alone, too.
    let all = Array(1...2000)
    func records(_ numbers: [Int]) -> [UInt8] {
      numbers.flatMap { RecordBuilder().number("pid", UInt64($0) << 16 | 1).record }
    }
    let shown = try Self.numbers(["pid"], records(all + all.reversed() + [1, 1, 2001]))
    #expect(shown == (all + [2001]).map { UInt64($0) << 16 | 1 })
    // Rows that the first part of the key does not tell apart are no repeats.
    #expect(try Self.numbers(["pid", "uid"], records([1, 1, 2])).count == 3)
    // Nor are those without the number.
    let empty = RecordBuilder().number("nice", 1).record
    #expect(try Self.numbers(["pid"], empty + records([1]) + empty).count == 1)
  }

  @Test func anEmptyStreamHasNoRecords() throws {
    #expect(try Self.pids([]) == [])
    #expect(try Self.pids(preambleBytes()) == [])
  }

  @Test func aRecordBeforeThePreambleIsDamage() {
    #expect(throws: StreamError.damaged(table: "things", offset: 0)) { try Self.pids(Self.three) }
  }

  @Test func anotherLayoutIsRefused() {
    #expect(throws: StreamError.otherLayout(table: "things", found: "things")) {
      try Self.pids(preambleBytes(layoutHash: 7) + Self.three)
    }
  }

  @Test func theStartOfAStreamTellsWhatItIs() {
    func start(_ bytes: [UInt8]) -> Preamble? { bytes.withUnsafeBytes { Preamble(startOf: $0) } }
    let preamble = preambleBytes()
    #expect(start(preamble + Self.three)?.layoutHash == RecordLayout(testSchema).hash)
    #expect(start(preamble + Self.three)?.table == "things")
    for count in preamble.indices { #expect(start(Array(preamble[..<count])) == nil) }
    #expect(start(Self.three + preamble) == nil)
    #expect(start([0, 0] + preamble.dropFirst(2)) == nil)
  }

  @Test func anEndInsideARecordIsSaid() {
    #expect(throws: StreamError.endsInRecord(table: "things", missing: 5)) {
      try Self.pids(preambleBytes() + Self.three.dropLast(5))
    }
  }

  @Test func aSizeThatCannotBeIsDamage() {
    #expect(throws: StreamError.damaged(table: "things", offset: preambleBytes().count)) {
      try Self.pids(preambleBytes() + [3, 0] + Self.three.dropFirst(2))
    }
  }

  @Test func arbitraryBytesNeverCrash() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      var bytes = preambleBytes() + Self.three
      for _ in 0..<8 {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
          in: 0...255, using: &random)
      }
      _ = try? Self.pids(bytes, piece: .random(in: 1...300, using: &random))
    }
  }

  @Test func theTwoBitsOfAField() throws {
    let projection = try Projection(testSchema, columns: ["pid", "name", "groups", "where"])
    let bytes = RecordBuilder().number("pid", 1).tail("name", [65], isCut: true)
      .unreadable("groups").record
    var stream = RecordStream(
      BytesSource(preambleBytes() + bytes), schema: testSchema, layout: projection.layout)
    let slots = projection.columns.compactMap(\.slot)
    _ = try stream.nextRecords { record, preamble in
      #expect(!record.isCut(slots[0]))
      #expect(record.isCut(slots[1]))
      #expect(!record.isCut(slots[2]))
      if case .unreadable = record.value(slots[2]) {} else { Issue.record("groups") }
      if case .absent = record.value(slots[3]) {} else { Issue.record("where") }
      #expect(preamble.wants(slots[3].bit))
      #expect(!preamble.lacks(slots[3].bit))
    }
  }
}
