import CSQLite
import RecordOutput
import RecordSchema

/// The records of one scan, with what it takes to give their values to SQLite.
final class LoadedTable {
  let records: StoredRecords
  private let evaluator: RecordEvaluator
  /// For each column of the table: which of the scan's it is, if it was read.
  private let plans: [Int?]
  private var text = ByteBuffer(capacity: 4 << 10)
  private var indexes: [Int: [SQLKey: [Int]]] = [:]
  /// The rows whose value was NULL to SQLite because it could not be read, by the column's name.
  private(set) var unreadable: [String: Set<Int>] = [:]
  /// The rows whose text was cut.
  private(set) var cut: [String: Set<Int>] = [:]

  init(_ records: StoredRecords, columns: [Field], host: HostFacts) {
    self.records = records
    evaluator = RecordEvaluator(records.projection, host: host)
    let read = records.projection.columns.map(\.field.name)
    plans = columns.map { field in read.firstIndex(of: field.name) }
  }

  /// Gives a value to SQLite.
  func result(_ context: OpaquePointer?, row: Int, column: Int) {
    // Never NULL, which would be a wrong answer.
    guard let index = plans[column] else {
      return sqlite3_result_error(context, "a column was not read", -1)
    }
    let plan = evaluator.plans[index]
    records.withRecord(row) { record in
      let value = evaluator.value(plan, of: record, in: records.preamble)
      switch value {
      case .absent: sqlite3_result_null(context)
      case .unreadable:
        unreadable[name(index), default: []].insert(row)
        sqlite3_result_null(context)
      case .unsigned(let number) where plan.kind == .percent:
        sqlite3_result_double(context, Double(number) / 10)
      case .signed(let number): sqlite3_result_int64(context, number)
      case .real(let number): sqlite3_result_double(context, number)
      default:
        if evaluator.isCut(plan, of: record) { cut[name(index), default: []].insert(row) }
        giveText(value, plan, to: context)
      }
    }
  }

  private func name(_ index: Int) -> String { records.projection.columns[index].field.name }

  private func giveText(_ value: FieldValue, _ plan: ColumnPlan, to context: OpaquePointer?) {
    text.removeAll()
    if text.append(plain: value, plan, evaluator) {
      kiter_sqlite_result_text(context, text.bytes.baseAddress, Int32(text.count), 0)
    } else if let number = value.number {
      // An address above the middle is negative, as everywhere in SQLite.
      sqlite3_result_int64(context, Int64(bitPattern: number))
    }
  }

  /// The rows whose value in a column is the key; found in a table made the first time.
  func rows(column: Int, equalTo key: SQLKey) -> [Int] {
    if let index = indexes[column] { return index[key] ?? [] }
    var index: [SQLKey: [Int]] = [:]
    for row in 0..<records.count {
      if let key = self.key(row: row, column: column) { index[key, default: []].append(row) }
    }
    indexes[column] = index
    return index[key] ?? []
  }

  private func key(row: Int, column: Int) -> SQLKey? {
    guard let index = plans[column] else { return nil }
    let plan = evaluator.plans[index]
    return records.withRecord(row) { record in
      let value = evaluator.value(plan, of: record, in: records.preamble)
      switch value {
      case .absent, .unreadable, .real: return nil
      case .signed(let number): return .integer(number)
      default:
        text.removeAll()
        if text.append(plain: value, plan, evaluator) { return .text(Array(text.bytes)) }
        return value.number.map { .integer(Int64(bitPattern: $0)) }
      }
    }
  }
}
