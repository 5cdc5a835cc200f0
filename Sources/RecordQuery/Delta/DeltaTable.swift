public import RecordSchema

/// A table with what has changed since it was last read: each counter's change per second, which rows
/// are new, and, once more, those that are gone.
public final class DeltaTable {
  private let delta: DeltaSchema
  private let table: QueryTable
  private let host: HostFacts
  private var previous: Moment?

  /// Compares readings of a table.
  public init(_ table: QueryTable, _ delta: DeltaSchema, host: HostFacts) {
    self.table = table
    self.delta = delta
    self.host = host
  }

  /// Reads the table. Nothing is said to have changed at the first time, or when other rows were
  /// asked for than the time before.
  ///
  /// - Throws: why the table cannot be read.
  public func read(_ scan: TableScan) throws -> StoredRecords {
    var rows = scan
    rows.columns = []
    var source = scan
    source.columns = delta.sources(of: scan.columns)
    let before = previous.flatMap { $0.scan == rows ? $0 : nil }
    let now = Moment(try table.read(source), rows, delta, after: before, host: host)
    previous = now
    let projection = try Projection(delta.schema, columns: scan.columns)
    return Comparison(delta, projection, before, now).records()
  }
}

/// Two readings of a table, side by side.
private struct Comparison {
  private let before: Moment?
  private let now: Moment
  private let projection: Projection
  private let rates: [Rate]
  private let seconds: Double
  private var wide: WideRecords
  private var ends: [Int] = []

  private struct Rate {
    let field: Int
    let old: [UInt64?]
    let new: [UInt64?]
  }

  init(_ delta: DeltaSchema, _ projection: Projection, _ before: Moment?, _ now: Moment) {
    self.before = before
    self.now = now
    self.projection = projection
    let counters = delta.counters
    rates = projection.columns.compactMap { column in
      guard let slot = column.slot, let counter = counters[column.field.name],
        let old = before?.counts[counter], let new = now.counts[counter]
      else { return nil }
      return Rate(field: slot.bit, old: old, new: new)
    }
    let start = before?.time ?? now.time
    seconds = now.time > start ? Double(now.time - start) / 1e9 : 0
    wide = WideRecords(
      from: now.records.projection.layout, to: projection.layout, added: delta.added)
  }

  /// All rows: those that are gone stand where they stood.
  consuming func records() -> StoredRecords {
    let gone = goneRows()
    for row in gone[-1] ?? [] { appendGone(row) }
    for row in now.records.indices {
      append(row)
      for row in gone[row] ?? [] { appendGone(row) }
    }
    var preamble = now.records.preamble
    let words = [UInt64](repeating: .max, count: projection.layout.words)
    preamble.layoutHash = projection.layout.hash
    preamble.wanted = words
    preamble.lacking = words.map { _ in 0 }
    return StoredRecords(wide.bytes, ends: ends, preamble: preamble, projection: projection)
  }

  /// The earlier rows that are not there any more, by the row behind which they stood; -1 for the
  /// beginning.
  private func goneRows() -> [Int: [Int]] {
    guard let before else { return [:] }
    var later = [Int?](repeating: nil, count: before.records.count)
    for (row, earlier) in now.earlier.enumerated() {
      if let earlier { later[earlier] = row }
    }
    var gone: [Int: [Int]] = [:]
    var last = -1
    for (row, later) in later.enumerated() {
      if let later { last = later } else { gone[last, default: []].append(row) }
    }
    return gone
  }

  private mutating func append(_ row: Int) {
    let old = now.earlier[row]
    var values: [(field: Int, value: WideRecords.Added)] = []
    if before != nil && old == nil { values.append((0, .text("new"))) }
    if let old, seconds > 0 {
      for rate in rates {
        guard let after = rate.new[row], let before = rate.old[old], after >= before else {
          continue
        }
        // In thousandths: what lies below says more of the clock than of the counter.
        values.append(
          (rate.field, .real((Double(after - before) / seconds * 1000).rounded() / 1000)))
      }
    }
    now.records.withRecord(row) { wide.append($0, values) }
    ends.append(wide.bytes.count)
  }

  private mutating func appendGone(_ row: Int) {
    before?.records.withRecord(row) { wide.append($0, [(0, .text("gone"))]) }
    ends.append(wide.bytes.count)
  }
}
