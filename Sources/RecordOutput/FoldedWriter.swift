public import RecordSchema

/// Writes what flamegraph.pl reads: a line of functions and how often it is there, for each stack.
/// What has no stack is left out.
public struct FoldedWriter: RecordWriter, ~Copyable {
  /// Text that is ready to go out.
  public var output = ByteBuffer()
  private var reader: ColumnReader

  /// Writes the projection's columns: the functions and the number.
  public init(_ projection: Projection, host: HostFacts) {
    reader = ColumnReader(projection, host: host)
  }

  /// What has been marked or left out so far.
  public var notes: OutputNotes { reader.notes }

  /// Appends nothing: there is no header.
  public mutating func begin() {}

  /// Appends a record as a line.
  public mutating func append(_ record: RawRecord, _ preamble: borrowing Preamble) {
    reader.notes.records += 1
    guard reader.count == 2,
      case .bytes(let stack) = reader.value(0, reader.plan(0), record, preamble)
    else { return }
    output.append(stack)
    output.append(UInt8(ascii: " "))
    if let count = reader.value(1, reader.plan(1), record, preamble).number {
      output.append(number: count, kind: .count)
    }
    output.append(UInt8(ascii: "\n"))
  }

  /// Appends nothing.
  public mutating func end() {}
}
