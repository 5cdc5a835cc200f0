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
  /// The counters' values by their names, each in the order of the records.
  private(set) var counts: [String: [UInt64?]] = [:]
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
    for row in records.indices {
      let key = records.withRecord(row) { self.key(of: $0, plans) }
      keys.append(key)
      rows[key] = row
    }
  }

  /// Nanoseconds since boot.
  var time: UInt64 { records.preamble.bootTime }

  /// Reads the counters that there are.
  ///
  /// A derived one is an estimate (how processor time divides), which may fall where the kernel's own
  /// readers see it stand still: it remembers the highest (`cputime_adjust`,
  /// kernel/sched/cputime.c), and so does this.
  func count(_ counters: [Field], after before: Moment?) {
    for counter in counters {
      guard let plan = plan(counter.name) else { continue }
      let earlier = counter.derivation == nil ? nil : before?.counts[counter.name]
      counts[counter.name] = records.indices.map { row in
        guard let value = number(plan, row: row) else { return nil }
        let highest = earlier.flatMap { values in before?.rows[keys[row]].flatMap { values[$0] } }
        return max(value, highest ?? 0)
      }
    }
  }

  private func plan(_ name: String) -> ColumnPlan? {
    names.firstIndex(of: name).map { evaluator.plans[$0] }
  }

  private func number(_ plan: ColumnPlan, row: Int) -> UInt64? {
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
