import RecordQuery
import RecordSchema

/// A table that keeps what was read of it until it is told to read anew: another order or filter of
/// the same rows is no reading.
final class HeldTable {
  private let source: QueryTable
  /// Columns that are read in any case.
  private let shown: [String]
  private var held: (scan: TableScan, records: StoredRecords)?

  init(_ table: QueryTable, shown: [String]) {
    source = table
    self.shown = shown
  }

  /// The table for queries.
  var table: QueryTable { QueryTable(source.schema) { try self.read($0) } }

  /// When what is kept was read, in nanoseconds since boot; nil if nothing was.
  var readAt: UInt64? { held?.records.preamble.bootTime }

  /// The next query reads anew.
  func expire() { held = nil }

  private func read(_ scan: TableScan) throws -> StoredRecords {
    var scan = scan
    scan.columns = shown + scan.columns.filter { !shown.contains($0) }.sorted()
    if let held, held.scan == scan { return held.records }
    let records = try source.read(scan)
    held = (scan, records)
    return records
  }
}
