import RecordOutput
import RecordSchema

/// What tells a row apart: the bytes of some of its values.
struct RowKey: Hashable {
  var bytes: [UInt8] = []

  // All at once; an array hashes byte by byte.
  func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
}

/// One reading of a table, with its rows by what tells them apart.
final class Moment {
  let records: StoredRecords
  /// What was read, but for the columns.
  let scan: TableScan
  /// For each row, which it was in the reading before; nil for one that is new.
  private(set) var earlier: [Int?] = []
  private var rows: [RowKey: Int] = [:]
  /// The counters' values by their names, each in the order of the records.
  private(set) var counts: [String: [UInt64?]] = [:]
  private let evaluator: RecordEvaluator
  private let names: [String]

  init(
    _ records: StoredRecords, _ scan: TableScan, _ delta: DeltaSchema, after before: Moment?,
    host: HostFacts
  ) {
    self.records = records
    self.scan = scan
    evaluator = RecordEvaluator(records.projection, host: host)
    names = records.projection.columns.map(\.field.name)
    rows.reserveCapacity(records.count)
    earlier.reserveCapacity(records.count)
    let plans = delta.identity.compactMap { name in
      records.projection.columns.firstIndex { $0.field.name == name }.map { evaluator.plans[$0] }
    }
    for row in records.indices {
      let key = records.withRecord(row) { evaluator.key(of: $0, in: records.preamble, plans) }
      rows[key] = row
      earlier.append(before?.rows[key])
    }
    count(delta.base.columns.filter(\.isCounter), after: before)
  }

  /// Nanoseconds since boot.
  var time: UInt64 { records.preamble.bootTime }

  /// Reads the counters that there are.
  ///
  /// A derived one is an estimate (how processor time divides), which may fall where the kernel's own
  /// readers see it stand still: it remembers the highest (`cputime_adjust`,
  /// kernel/sched/cputime.c), and so does this.
  private func count(_ counters: [Field], after before: Moment?) {
    for counter in counters {
      guard let column = names.firstIndex(of: counter.name) else { continue }
      let plan = evaluator.plans[column]
      let values = counter.derivation == nil ? nil : before?.counts[counter.name]
      counts[counter.name] = records.indices.map { row in
        guard let value = number(plan, row: row) else { return nil }
        guard let values, let before = earlier[row], let highest = values[before] else {
          return value
        }
        return max(value, highest)
      }
    }
  }

  private func number(_ plan: ColumnPlan, row: Int) -> UInt64? {
    records.withRecord(row) { evaluator.value(plan, of: $0, in: records.preamble).number }
  }
}

extension RecordEvaluator {
  /// The key of a record, of the values of some columns.
  fileprivate borrowing func key(
    of record: RawRecord, in preamble: Preamble, _ plans: [ColumnPlan]
  ) -> RowKey {
    var key = RowKey()
    key.bytes.reserveCapacity(8 * plans.count)
    for plan in plans {
      switch value(plan, of: record, in: preamble) {
      case .unsigned(let number): withUnsafeBytes(of: number) { key.bytes += $0 }
      case .signed(let number): withUnsafeBytes(of: number) { key.bytes += $0 }
      case .bytes(let bytes):
        // With their length: two texts in a row must not read as two others.
        withUnsafeBytes(of: bytes.count) { key.bytes += $0 }
        key.bytes += bytes
      case .real, .absent, .unreadable: key.bytes.append(0)
      }
    }
    return key
  }
}
