public import RecordSchema

/// Writes RFC 4180 with a line feed at each line's end: a header of field names, then the records.
/// What is absent or could not be read is empty.
public struct CSVWriter: RecordWriter, ~Copyable {
  /// Text that is ready to go out.
  public var output = ByteBuffer()
  private var reader: ColumnReader
  private let hasHeader: Bool
  private let stampNames: [String]
  private let stamp: [UInt8]

  /// Writes the projection's columns, behind those of a stamp.
  public init(
    _ projection: Projection, host: HostFacts, header: Bool, stamp: RowStamp? = nil
  ) {
    reader = ColumnReader(projection, host: host)
    hasHeader = header
    stampNames = stamp?.values.map(\.name) ?? []
    self.stamp = stamp?.csv ?? []
  }

  /// What has been marked or left out so far.
  public var notes: OutputNotes { reader.notes }

  /// Appends the header.
  public mutating func begin() {
    guard hasHeader else { return }
    for (index, name) in (stampNames + reader.names).enumerated() {
      if index > 0 { output.append(",") }
      // A query's column may be named by an expression.
      output.append(csv: name)
    }
    output.append("\n")
  }

  /// Appends a record as a line.
  public mutating func append(_ record: RawRecord, _ preamble: borrowing Preamble) {
    reader.notes.records += 1
    stamp.withUnsafeBytes { output.append($0) }
    for index in 0..<reader.count {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      let plan = reader.plan(index)
      append(reader.value(index, plan, record, preamble), plan)
    }
    output.append(UInt8(ascii: "\n"))
  }

  /// Appends nothing: CSV has no end.
  public mutating func end() {}

  private mutating func append(_ value: FieldValue, _ plan: ColumnPlan) {
    switch (value, plan.kind) {
    case (.absent, _), (.unreadable, _): break
    case (.signed(let number), let kind): output.append(number: number, kind: kind)
    case (.real(let number), _): output.append(real: number)
    case (.unsigned(let number), .enumeration):
      output.append(enumeration: number, plan, reader.evaluator)
    case (.unsigned(let number), .flags):
      // An empty field is no value; a set without members is an empty text, in quotes.
      output.append("\"")
      output.append(flags: number, plan, reader.evaluator, quote: "")
      output.append("\"")
    case (.unsigned(let number), let kind): output.append(number: number, kind: kind)
    case (.bytes(let bytes), .ip): output.append(address: bytes)
    case (.bytes(let bytes), .list):
      output.append("\"")
      output.append(list: bytes, type: plan.type)
      output.append("\"")
    case (.bytes(let bytes), .hex): output.append(hex: bytes)
    case (.bytes(let bytes), let kind):
      if bytes.isEmpty { output.append("\"\"") }
      output.append(csv: bytes, isArguments: kind == .arguments)
    }
  }
}
