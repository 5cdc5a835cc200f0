import RecordSchema
import TestRecords

/// Cuts a stream of any bytes into records, in one piece and in small ones: both have to agree.
enum RecordsTarget {
  private static let projection = Projection(allOf: testSchema)

  static var seeds: [[UInt8]] {
    let records = RecordBuilder().number("pid", 7).tail("name", Array("init".utf8)).record
    let stream = preambleBytes() + records + RecordBuilder().unreadable("groups").record
    return [[1] + stream, [200] + stream + stream, [7] + records]
  }

  static func run(_ input: [UInt8]) {
    var input = Bytes(input)
    let piece = 1 + Int(input.byte())
    let stream = input.takeAll()
    stream.withUnsafeBytes { _ = Preamble(startOf: $0) }
    let whole = outcome(stream, piece: .max)
    let pieces = outcome(stream, piece: piece)
    if whole != pieces { finding("in pieces of \(piece): \(pieces), not \(whole)") }
  }

  /// The records' values, and how the stream ended.
  private static func outcome(_ stream: [UInt8], piece: Int) -> [UInt64] {
    var seen: [UInt64] = []
    var records = RecordStream(
      BytesSource(stream, piece: piece), schema: projection.schema, layout: projection.layout)
    do {
      while try records.nextRecords({ record, preamble in
        for slot in projection.layout.slots { note(record.value(slot), in: &seen) }
        seen += [UInt64(record.size), UInt64(record.program), preamble.bootTime]
      }) {}
    } catch {
      seen += "\(error)".utf8.map(UInt64.init)
    }
    return seen
  }

  /// Keeps a value, which outlives its record.
  private static func note(_ value: FieldValue, in seen: inout [UInt64]) {
    switch value {
    case .absent: seen += [0]
    case .unreadable: seen += [1]
    case .unsigned(let number): seen += [2, number]
    case .signed(let number): seen += [3, UInt64(bitPattern: number)]
    case .real(let number): seen += [4, number.bitPattern]
    case .bytes(let bytes): seen += [5, UInt64(bytes.count)] + bytes.map(UInt64.init)
    }
  }
}
