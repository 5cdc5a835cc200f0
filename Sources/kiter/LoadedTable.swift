import IteratorCatalog
import LiveQuery
import RecordSchema

extension LoadedTable {
  /// Writes the rows; without a query they go out as they come.
  func write(_ query: QueryOptions, _ output: OutputOptions) throws -> RowPump.End {
    let projection = request.projection
    if query.isEmpty {
      let source = try KernelSource(files, request, onStall: onStall)
      let isNeeded = !source.readsAhead
      return try RowPump(projection, output).run(ReadAhead(source, isNeeded: isNeeded))
    }
    let shown = query.isCounting ? [] : projection.columns.map(\.field.name)
    let table = queryTable(beside: shown)
    return try QueryRun(table: table, projection: projection, query: query, output: output).run()
  }
}
