public import RecordSchema

/// Turns records into text, in one buffer that the caller empties.
public protocol RecordWriter: ~Copyable {
  /// Text that is ready to go out.
  var output: ByteBuffer { get set }
  /// What has been marked or left out so far.
  var notes: OutputNotes { get }

  /// Appends what comes before the first record.
  mutating func begin()
  /// Appends a record.
  mutating func append(_ record: RawRecord, _ preamble: Preamble)
  /// Appends what comes after the last record.
  mutating func end()
}

/// Counts of what a reader should know of the values shown.
public struct OutputNotes: Sendable {
  /// Records written.
  public internal(set) var records = 0
  /// For each column: values that were cut.
  public internal(set) var cut: [Int]
  /// For each column: values that exist but could not be read.
  public internal(set) var unreadable: [Int]

  init(columns: Int) {
    cut = Array(repeating: 0, count: columns)
    unreadable = cut
  }
}

/// What all writers do with a column's value: evaluate it, and note what is wrong with it.
struct ColumnReader: ~Copyable {
  let columns: [Projection.Column]
  let evaluator: RecordEvaluator
  var notes: OutputNotes

  init(_ projection: Projection, host: HostFacts) {
    columns = projection.columns
    evaluator = RecordEvaluator(host: host)
    notes = OutputNotes(columns: projection.columns.count)
  }

  @inline(__always)
  mutating func value(_ index: Int, _ record: RawRecord, _ preamble: Preamble) -> FieldValue {
    let value = evaluator.value(columns[index], of: record, in: preamble)
    if case .unreadable = value { notes.unreadable[index] += 1 }
    if case .bytes = value, evaluator.isCut(columns[index], of: record) { notes.cut[index] += 1 }
    return value
  }
}
