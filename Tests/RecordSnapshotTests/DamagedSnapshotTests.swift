import Foundation
import IteratorCatalog
import RecordOutput
import RecordQuery
import RecordSchema
import TestRecords
import Testing

@testable import RecordSnapshot

/// Whatever a file holds, it is read as it was written or refused.
@Suite struct DamagedSnapshotTests {
  private let folder: TemporaryFolder
  private let whole: [UInt8]

  init() throws {
    folder = try TemporaryFolder()
    let path = folder.path("whole")
    try writeSnapshot(path, [(Self.smallSchema, Self.stream)])
    whole = Array(try Data(contentsOf: URL(filePath: path)))
  }

  /// A schema of few fields: every byte of its snapshot is tried.
  private static let smallSchema: Schema = {
    var schema = testSchema
    schema.fields = schema.fields.filter { ["pid", "name", "uid"].contains($0.name) }
    schema.names = []
    schema.parameters = []
    return schema
  }()

  private static var stream: [UInt8] {
    let records = (1...3).flatMap { number in
      RecordBuilder(smallSchema).number("pid", UInt64(number)).tail("name", Array("abc".utf8))
        .record
    }
    return preambleBytes(smallSchema) + records
  }

  /// What is wrong with a file of these bytes; nil if nothing is.
  private func fault(_ bytes: [UInt8]) throws -> SnapshotError? {
    do {
      _ = try readSnapshot(try folder.file(bytes))
      return nil
    } catch let error as SnapshotError {
      return error
    }
  }

  @Test func atEveryLengthItEndsEarly() throws {
    let first = SnapshotBlock.firstLine.utf8.count - 2
    let wrong = try (0..<whole.count).filter { length in
      let expected = length < first ? "is no snapshot of kiter" : "ends early, at byte \(length);"
      return try fault(Array(whole[..<length]))?.message.hasPrefix(expected) != true
    }
    #expect(wrong == [])
  }

  @Test func everyChangedByteIsFound() throws {
    var unnoticed: [Int] = []
    for index in whole.indices {
      for mask: UInt8 in [0x01, 0x80, 0xff] {
        var bytes = whole
        bytes[index] ^= mask
        if try fault(bytes) == nil { unnoticed.append(index) }
      }
    }
    #expect(unnoticed == [])
  }

  @Test func nothingFollowsTheEnd() throws {
    let path = try folder.file(whole + [0])
    #expect(throws: SnapshotError.self) { _ = try readSnapshot(path) }
  }

  // MARK: - Files that are well-formed on the outside

  private func block(_ kind: SnapshotBlock.Kind, _ content: [UInt8]) -> [UInt8] {
    content.withUnsafeBytes { SnapshotBlock.encoded(kind, $0) }
  }

  private func file(_ blocks: [[UInt8]]) throws -> String {
    try folder.file(Array(SnapshotBlock.firstLine.utf8) + blocks.joined())
  }

  private var host: [UInt8] { block(.host, recordedHost().encoded) }
  private var table: [UInt8] {
    block(.table, Array("things".utf8) + [0] + Self.smallSchema.json)
  }
  private var done: [UInt8] { block(.done, []) }

  @Test func blocksOutOfPlaceAreRefused() throws {
    let rows = block(.rows, Self.stream)
    let named = block(.table, Array("things".utf8))
    // A schema that could be read, but is longer than any.
    let longName = [UInt8](repeating: UInt8(ascii: "a"), count: 65) + [0]
    let spaces = [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20)
    let things = Array("things".utf8) + [0]
    for blocks in [
      [], [done], [table, done], [rows, done], [host, rows, done], [host, host, done],
      [host, table, table, done], [host, done, table], [host, named, done],
      [host, block(.table, [0x20, 0]), done],
      [host, block(.table, longName + Self.smallSchema.json), done],
      [host, block(.table, things + Self.smallSchema.json + spaces), done],
      [block(.host, Array("x".utf8)), done],
      [block(.host, Array("wall_clock_ns".utf8) + [0, 255, 255, 255, 255]), done],
      [host, table, rows],
    ] {
      let path = try file(blocks)
      #expect(throws: SnapshotError.self) { _ = try readSnapshot(path) }
    }
    let good = try file([host, table, rows, done])
    #expect(try readSnapshot(good)["things"]?.split(separator: "\n").count == 3)
  }

  /// A block says how much it inflates to, and no more is inflated.
  @Test func aBlockThatInflatesToMoreIsRefused() throws {
    let bomb = block(.rows, [UInt8](repeating: 0, count: 1 << 20))
    for size: UInt32 in [0, 1, 1 << 10, 1 << 20 + 1, 16 << 20, 16 << 20 + 1, .max] {
      let header = Array(bomb[..<8]) + withUnsafeBytes(of: size.littleEndian) { Array($0) }
      let content = Array(bomb[SnapshotBlock.headerSize...])
      let path = try file([host, table, signed(header, content), done])
      #expect(throws: SnapshotError.self, "\(size)") { _ = try readSnapshot(path) }
    }
  }

  /// A block with a check that is right.
  private func signed(_ header: [UInt8], _ content: [UInt8]) -> [UInt8] {
    var sum = UInt32.max
    for byte in header + content {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0xedb8_8320 : 0) }
    }
    return header + withUnsafeBytes(of: (~sum).littleEndian) { Array($0) } + content
  }

  @Test func aSchemaThatCannotBeIsRefused() throws {
    let texts = [
      "", "{}", "[1]", "null", #"{"name": 1}"#, String(repeating: "[", count: 100_000),
      text { $0.name = "others" }, text { $0.key = [] }, text { $0.key = ["none"] },
      text { $0.fields = [] }, text { $0.fields[0].title = "\u{1b}[31m" },
      text { $0.fields[0].summary = "a\nb" }, text { $0.fields += $0.fields },
      text { $0.fields[1].kind = .flags }, text { $0.fields[1].name = "a\"b" },
      text { schema in
        schema.fields = (0...256).map { number in
          var field = schema.fields[0]
          field.name = "f\(number)"
          return field
        }
        schema.key = ["f0"]
      },
      text { $0.names = [.init(name: "n", isFlags: true, values: [.init("\u{1b}", 1)])] },
    ]
    for text in texts {
      let table = block(.table, Array("things".utf8) + [0] + Array(text.utf8))
      let path = try file([host, table, done])
      #expect(throws: SnapshotError.self, "\(text.prefix(80))") { _ = try readSnapshot(path) }
    }
  }

  private func text(_ change: (inout Schema) -> Void) -> String {
    var schema = Self.smallSchema
    change(&schema)
    return String(decoding: schema.json, as: UTF8.self)
  }

  /// Records of any bytes, of every table, go through every writer and through SQL.
  @Test(arguments: Catalog.tables.map { $0.schema.name })
  func recordsOfAnyBytesNeverCrash(table: String) throws {
    try surviveAnyRecords(
      of: #require(Catalog.tables.first { $0.schema.name == table }).schema)
  }

  private func surviveAnyRecords(of schema: Schema) throws {
    var random = SystemRandomNumberGenerator()
    let host = recordedHost().facts
    let projection = Projection(allOf: schema)
    for round in 0..<12 {
      var bytes = preambleBytes(schema)
      for _ in 0..<20 { bytes += anyRecord(projection.layout, round, &random) }
      let path = folder.path("any")
      try writeSnapshot(path, [(schema, bytes)])
      let file = try SnapshotFile(path)
      let table = try file.table(schema.name)
      func source() -> SnapshotSource { file.source(of: table) }
      let lines = try written(source(), JSONWriter(projection, host: host, lines: true), projection)
      for line in lines.split(separator: UInt8(ascii: "\n")) {
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line)) }
      }
      _ = try written(source(), CSVWriter(projection, host: host, header: true), projection)
      let style = TableStyle(width: round % 2 == 0 ? 80 : nil, isRaw: round % 3 == 0)
      let shown = try written(
        source(), TableWriter(projection, host: host, style: style), projection)
      #expect(!shown.contains(0x1b))
      let records = try StoredRecords(source(), projection: projection)
      _ = RecordDifference(from: (records, host), to: (records, host))
      try ask(schema, records, host)
    }
  }

  /// A schema may declare any kind of any type.
  @Test(arguments: FieldType.allCases) func kindsOfAnyTypeNeverCrash(type: FieldType) throws {
    var schema = Self.smallSchema
    schema.names = ["enum", "flags"].map {
      .init(
        name: $0, isFlags: $0 == "flags", numberMask: 3, values: [.init("a", 1), .init("b", 9)])
    }
    // What is stored may be anything, and so is no JSON: that is refused.
    schema.fields += Kind.allCases.filter { $0 != .json }.map { kind in
      Field(
        name: "f_\(kind.rawValue)", type: type, kind: kind, summary: "s", source: "s", oracle: "o",
        isDefault: true, names: [.enumeration, .flags].contains(kind) ? kind.rawValue : nil)
    }
    schema.fields += Derivation.allCases.map { derivation in
      let inputs = (0..<derivation.inputCount).map { "f_\(Kind.allCases[$0].rawValue)" }
      return Field(
        name: "d_\(derivation.rawValue)", type: nil,
        kind: [.mapKey, .mapValue].contains(derivation) ? .json : .text, summary: "s", source: "s",
        oracle: "o", derivation: derivation, inputs: inputs)
    }
    try schema.validate()
    try surviveAnyRecords(of: schema)
  }

  private func ask(_ schema: Schema, _ records: StoredRecords, _ host: HostFacts) throws {
    let held = Held(records)
    let database = try QueryDatabase(
      tables: [QueryTable(schema) { _ in held.records }], host: host)
    let statement = try database.prepare("SELECT * FROM \(schema.name)")
    let result = Projection(allOf: statement.schema)
    _ = try written(statement, JSONWriter(result, host: host, lines: true), result)
  }

  /// Records that only one thread uses.
  private final class Held: @unchecked Sendable {
    let records: StoredRecords
    init(_ records: StoredRecords) { self.records = records }
  }

  private func written<Source: RecordSource & ~Copyable, Writer: RecordWriter & ~Copyable>(
    _ source: consuming Source, _ writer: consuming Writer, _ projection: Projection
  ) throws -> [UInt8] {
    var stream = RecordStream(source, schema: projection.schema, layout: projection.layout)
    writer.begin()
    while try stream.nextRecords({ writer.append($0, $1) }) {}
    writer.end()
    return Array(writer.output.bytes)
  }

  /// A record of a size that can be, with all values there, and any bytes or extreme ones behind.
  private func anyRecord(
    _ layout: RecordLayout, _ round: Int, _ random: inout SystemRandomNumberGenerator
  ) -> [UInt8] {
    let least = layout.partialOffset + 8 * layout.words
    let longest = round % 10 == 9 ? 65_535 : layout.fixedSize + 200
    let size = Int.random(in: least...longest, using: &random)
    var bytes = (0..<size).map { index -> UInt8 in
      switch (round % 3, index < least) {
      case (_, true): round % 2 == 0 ? 0xff : .random(in: 0...255, using: &random)
      case (0, false): .random(in: 0...255, using: &random)
      case (1, false): [0, 0xff, 0x7f, 0x80].randomElement(using: &random) ?? 0
      default: .random(in: 0...9, using: &random)
      }
    }
    if round % 2 == 0 {
      for index in layout.partialOffset..<least { bytes[index] = 0 }
    }
    bytes[0] = UInt8(size & 0xff)
    bytes[1] = UInt8(size >> 8)
    bytes[2] = .random(in: 0...3, using: &random)
    bytes[3] = 0
    return bytes
  }
}
