public import RecordSchema

/// Writes one array of objects, or one object a line (JSON Lines).
///
/// A record whose values were cut, or could not be read, says so in the additional keys `_cut` and
/// `_unreadable`, each an array of field names.
public struct JSONWriter: RecordWriter, ~Copyable {
  /// Text that is ready to go out.
  public var output = ByteBuffer()
  private var reader: ColumnReader
  private let isLines: Bool
  /// `{"pid":` of the first column, `,"tid":` of the others, one behind the other.
  private let keys: [UInt8]
  private let keyEnds: [Int]

  /// Writes the projection's columns, behind those of a stamp.
  public init(_ projection: Projection, host: HostFacts, lines: Bool, stamp: RowStamp? = nil) {
    reader = ColumnReader(projection, host: host)
    isLines = lines
    let start = Array("{".utf8) + (stamp?.json ?? [])
    var keys: [UInt8] = []
    var ends: [Int] = []
    for (index, column) in projection.columns.enumerated() {
      // A query's column may be named by an expression.
      var name = Array(column.field.name.utf8)
      var text = ByteBuffer(capacity: 64)
      name.withUnsafeMutableBytes { text.append(json: UnsafeRawBufferPointer($0)) }
      keys += (index == 0 ? start : Array(",".utf8)) + Array(text.bytes) + Array(":".utf8)
      ends.append(keys.count)
    }
    self.keys = keys + [UInt8](repeating: 0, count: 8)
    keyEnds = ends
  }

  /// What has been marked or left out so far.
  public var notes: OutputNotes { reader.notes }

  /// Appends the array's opening bracket.
  public mutating func begin() { if !isLines { output.append("[") } }

  /// Appends a record as an object.
  public mutating func append(_ record: RawRecord, _ preamble: borrowing Preamble) {
    if !isLines { output.append(reader.notes.records == 0 ? "\n" : ",\n") }
    reader.notes.records += 1
    var wrong = false
    var keyStart = 0
    for index in 0..<keyEnds.count {
      let keyEnd = keyEnds[index]
      // The keys have eight bytes of padding behind them.
      keys.withUnsafeBytes { output.append(padded: $0, from: keyStart, keyEnd - keyStart) }
      keyStart = keyEnd
      let plan = reader.plan(index)
      let value = reader.value(index, plan, record, preamble)
      wrong = append(value, plan) || wrong || reader.isCut(plan, value, record)
    }
    if wrong { appendMarks(record, preamble) }
    output.append(isLines ? "}\n" : "}")
  }

  /// Appends the array's closing bracket.
  public mutating func end() { if !isLines { output.append("\n]\n") } }

  /// Appends a value; true if it could not be read.
  @inline(__always)
  private mutating func append(_ value: FieldValue, _ plan: ColumnPlan) -> Bool {
    switch value {
    case .absent: output.append("null")
    case .unreadable:
      output.append("null")
      return true
    case .signed(let number): append(signed: number, plan)
    case .real(let number): output.append(real: number)
    case .unsigned(let number): append(number, plan)
    case .bytes(let bytes): append(bytes, plan)
    }
    return false
  }

  /// A query gives every integer a sign, of which the kind may know nothing.
  @inline(__always)
  private mutating func append(signed number: Int64, _ plan: ColumnPlan) {
    if plan.type == .value && !ByteBuffer.isNumber(plan.kind) {
      append(UInt64(bitPattern: number), plan)
    } else {
      output.append(decimal: number)
    }
  }

  @inline(__always)
  private mutating func append(_ number: UInt64, _ plan: ColumnPlan) {
    switch plan.kind {
    case let kind where ByteBuffer.isNumber(kind): output.append(number: number, kind: kind)
    case .boolean: output.append(number: number, kind: .boolean)
    case .flags:
      output.append("[")
      output.append(flags: number, plan, reader.evaluator, quote: "\"")
      output.append("]")
    case .enumeration:
      output.append("\"")
      output.append(enumeration: number, plan, reader.evaluator)
      output.append("\"")
    case let kind:
      output.append("\"")
      output.append(number: number, kind: kind)
      output.append("\"")
    }
  }

  private mutating func append(_ bytes: UnsafeRawBufferPointer, _ plan: ColumnPlan) {
    switch plan.kind {
    case .list:
      output.append("[")
      output.append(list: bytes, type: plan.type)
      output.append("]")
    case .ip:
      output.append("\"")
      output.append(address: bytes)
      output.append("\"")
    case .hex:
      output.append("\"")
      output.append(hex: bytes)
      output.append("\"")
    // Always derived, and so JSON.
    case .json: output.append(bytes)
    case let kind: output.append(json: bytes, isArguments: kind == .arguments)
    }
  }

  @inline(never)
  private mutating func appendMarks(_ record: RawRecord, _ preamble: borrowing Preamble) {
    appendMark(",\"_cut\":[", record, preamble) { reader, index, value in
      reader.isCut(reader.plan(index), value, record)
    }
    appendMark(",\"_unreadable\":[", record, preamble) { _, _, value in
      if case .unreadable = value { true } else { false }
    }
  }

  private mutating func appendMark(
    _ key: StaticString, _ record: RawRecord, _ preamble: borrowing Preamble,
    where applies: (borrowing ColumnReader, Int, FieldValue) -> Bool
  ) {
    var isFirst = true
    for index in 0..<reader.count {
      let value = reader.evaluator.value(reader.plan(index), of: record, in: preamble)
      guard applies(reader, index, value) else { continue }
      if isFirst { output.append(key) } else { output.append(",") }
      isFirst = false
      output.append("\"")
      output.append(string: reader.names[index])
      output.append("\"")
    }
    if !isFirst { output.append("]") }
  }
}
