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
  mutating func append(_ record: RawRecord, _ preamble: borrowing Preamble)
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
  /// Columns for which the screen has no room.
  public internal(set) var hidden: [String] = []

  init(columns: Int) {
    cut = Array(repeating: 0, count: columns)
    unreadable = cut
  }
}

/// What all writers do with a column's value: evaluate it, and note what is wrong with it.
struct ColumnReader: ~Copyable {
  /// The columns by name.
  let names: [String]
  let evaluator: RecordEvaluator
  var notes: OutputNotes

  init(_ projection: Projection, host: HostFacts) {
    names = projection.columns.map(\.field.name)
    evaluator = RecordEvaluator(projection, host: host)
    notes = OutputNotes(columns: names.count)
  }

  /// The number of columns.
  var count: Int { evaluator.plans.count }

  @inline(__always)
  func plan(_ index: Int) -> ColumnPlan { evaluator.plans[index] }

  /// The value of column number `index`, whose plan is `plan`.
  @inline(__always)
  mutating func value(
    _ index: Int, _ plan: ColumnPlan, _ record: RawRecord, _ preamble: borrowing Preamble
  ) -> FieldValue {
    let value = evaluator.value(plan, of: record, in: preamble)
    switch value {
    case .unreadable: notes.unreadable[index] += 1
    case .bytes where evaluator.isCut(plan, of: record): notes.cut[index] += 1
    default: break
    }
    return value
  }

  /// Was this value cut?
  @inline(__always)
  borrowing func isCut(_ plan: ColumnPlan, _ value: FieldValue, _ record: RawRecord) -> Bool {
    guard case .bytes = value else { return false }
    return evaluator.isCut(plan, of: record)
  }
}
