import RecordOutput
import RecordSchema

/// One reading of a table, with its rows by what tells them apart.
final class Moment {
  let records: StoredRecords
  /// What was read, but for the columns.
  let scan: TableScan
  /// What tells each row apart, in the order of the records.
  private(set) var keys: [[UInt8]] = []
  private(set) var rows: [[UInt8]: Int] = [:]
  private let evaluator: RecordEvaluator
  private let names: [String]

  init(_ records: StoredRecords, _ scan: TableScan, identity: [String], host: HostFacts) {
    self.records = records
    self.scan = scan
    evaluator = RecordEvaluator(records.projection, host: host)
    names = records.projection.columns.map(\.field.name)
    let plans = identity.compactMap { plan($0) }
    keys.reserveCapacity(records.count)
    rows.reserveCapacity(records.count)
    for row in 0..<records.count {
      let key = records.withRecord(row) { self.key(of: $0, plans) }
      keys.append(key)
      rows[key] = row
    }
  }

  /// Nanoseconds since boot.
  var time: UInt64 { records.preamble.bootTime }

  /// How to get at a column; nil if it was not read.
  func plan(_ name: String) -> ColumnPlan? {
    names.firstIndex(of: name).map { evaluator.plans[$0] }
  }

  /// A row's value in a column; nil if it has none.
  func number(_ plan: ColumnPlan, row: Int) -> UInt64? {
    records.withRecord(row) { evaluator.value(plan, of: $0, in: records.preamble).number }
  }

  private func key(of record: RawRecord, _ plans: [ColumnPlan]) -> [UInt8] {
    var key: [UInt8] = []
    for plan in plans {
      switch evaluator.value(plan, of: record, in: records.preamble) {
      case .unsigned(let number): withUnsafeBytes(of: number) { key += $0 }
      case .signed(let number): withUnsafeBytes(of: number) { key += $0 }
      case .bytes(let bytes):
        // With their length: two texts in a row must not read as two others.
        withUnsafeBytes(of: bytes.count) { key += $0 }
        key += bytes
      case .real, .absent, .unreadable: key.append(0)
      }
    }
    return key
  }
}
