import IteratorCatalog
import KernelIterators
import RecordQuery
import RecordSchema

/// A table as programs loaded now read it.
struct LoadedTable {
  let files: EmbeddedFiles
  let request: TableRequest
  let onStall: @Sendable (StallPlace) -> Void

  /// Writes the rows; without a query they go out as they come.
  func write(_ query: QueryOptions, _ output: OutputOptions) throws -> RowPump.End {
    let projection = request.projection
    if query.isEmpty {
      return try RowPump(projection, output).run(KernelSource(files, request, onStall: onStall))
    }
    let shown = query.isCounting ? [] : projection.columns.map(\.field.name)
    let table = queryTable(beside: shown)
    return try QueryRun(table: table, projection: projection, query: query, output: output).run()
  }

  /// The table for a query, which may narrow it further; `shown` columns are read in any case.
  func queryTable(beside shown: [String] = []) -> QueryTable {
    QueryTable(request.projection.schema) { scan in
      var request = request
      let others = scan.columns.filter { !shown.contains($0) }
      let matches = request.matches.merging(scan.matches) { own, _ in own }
      request.projection = try Projection(
        request.projection.schema, columns: shown + others, filters: matches.keys.sorted())
      request.matches = matches
      if request.scopes == [.all] {
        request.scopes = [scan.tid.map { .tid($0) } ?? scan.pid.map { .pid($0) } ?? .all]
      }
      return try StoredRecords(
        KernelSource(files, request, onStall: onStall), projection: request.projection)
    }
  }
}
