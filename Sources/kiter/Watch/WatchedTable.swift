import IteratorCatalog
import RecordQuery
import RecordSchema

/// A table's rows again and again.
extension TableRun {
  /// The columns to show, and the table's own that are read for them.
  typealias Columns = (shown: Projection, read: Projection)

  /// The schema with what has changed; nil if that is not asked for.
  var delta: DeltaSchema? { watch.delta ? DeltaSchema(schema) : nil }

  /// The schema whose columns can be named: a table's, with what has changed if that is asked for.
  func naming(_ schema: Schema) -> Schema { watch.delta ? DeltaSchema(schema).schema : schema }

  /// Are rows drawn in place, and not written as lines?
  var isDrawn: Bool { watch.isOn && output.format == .table && terminalSize() != nil }

  /// The columns that were asked for, or those that `schema` has as default ones; nil, and said, if
  /// there are none.
  ///
  /// - Throws: `UnknownColumn`.
  func columns(_ names: [String]?, of schema: Schema, filters: [String] = []) throws(UnknownColumn)
    -> Columns?
  {
    guard let delta else {
      return try projection(names, filters: filters).map { (shown: $0, read: $0) }
    }
    let shown = delta.shown(names ?? schema.columns.filter(\.isDefault).map(\.name))
    guard let read = try projection(shown.isEmpty ? [] : delta.sources(of: shown), filters: filters)
    else { return nil }
    // On a screen, a mark stands before the row.
    let marked = isDrawn ? shown : [DeltaSchema.change] + shown
    return (shown: try Projection(delta.schema, columns: marked), read: read)
  }

  /// Shows the rows of a table, as it is read each time, until the user has seen enough.
  func watched(_ table: QueryTable, _ shown: Projection, on terminal: WatchTerminal?) throws
    -> RowPump.End
  {
    // One for all looks: users' names are read once.
    let host = HostFacts.live()
    var table = table
    if let delta {
      let changes = DeltaTable(table, delta, host: host)
      table = QueryTable(delta.schema) { try changes.read($0) }
    }
    var rows = try query.rowQuery(of: table.schema, limit: output.limit)
    if let delta {
      rows.sort = rows.sort.map {
        .init(column: delta.shown([$0.column]).first ?? $0.column, isDescending: $0.isDescending)
      }
    }
    return try WatchRun(table, shown: shown, query, output, host: host).run(
      rows, on: terminal, every: watch.interval)
  }
}
