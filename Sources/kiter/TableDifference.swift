import RecordQuery
import RecordSchema
import RecordSnapshot

/// What two snapshots' readings of a table do not share.
struct TableDifference: ~Copyable {
  private let difference: RecordDifference

  init(_ old: SnapshotTable, _ new: SnapshotTable, _ output: OutputOptions) throws {
    let columns = try Self.columns(old, new, output)
    difference = try RecordDifference(
      from: Self.reading(old, columns), to: Self.reading(new, columns))
  }

  /// The key's columns and those to show, without those that one side does not have unless they
  /// are named.
  private static func columns(
    _ old: SnapshotTable, _ new: SnapshotTable, _ output: OutputOptions
  ) throws -> [String] {
    let both = new.columns.filter(old.columns.contains)
    let isAll = output.columns.map { ColumnList($0).isAll } ?? false
    let named = isAll ? both : try output.columnNames(of: new.schema)
    let shown =
      named ?? new.schema.columns.filter { $0.isDefault && both.contains($0.name) }.map(\.name)
    let key = new.schema.key
    return key.filter { !shown.contains($0) } + shown
  }

  private static func reading(_ table: SnapshotTable, _ columns: [String]) throws
    -> (records: StoredRecords, host: HostFacts)
  {
    try table.require(columns)
    let projection = try Projection(table.schema, columns: columns)
    return (try table.records(projection) { _ in true }, table.host)
  }

  var isEmpty: Bool { difference.added + difference.removed + difference.changed == 0 }

  var heading: String {
    let parts = [
      ("added", difference.added), ("removed", difference.removed), ("changed", difference.changed),
    ]
    let counts = parts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
    return "\(difference.schema.name): \(counts)"
  }

  /// Writes the rows.
  ///
  /// - Throws: what keeps them from being written.
  consuming func write(_ output: OutputOptions) throws {
    let projection = Projection(allOf: difference.schema)
    let end = try RowPump(projection, output).run(difference)
    if let error = end.error, !end.isClosed { throw error }
  }
}
