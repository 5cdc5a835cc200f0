import IteratorCatalog
import KernelIterators
import RecordQuery
import RecordSchema

/// Runs a table's command with a query: the records are held, and SQLite says which and in what
/// order.
struct QueryRun {
  let files: EmbeddedFiles
  let request: TableRequest
  let query: QueryOptions
  let output: OutputOptions
  let onStall: @Sendable (StallPlace) -> Void

  private var schema: Schema { request.projection.schema }

  func run() throws -> RowPump.End {
    let rows = try query.rowQuery(of: schema, limit: output.limit)
    let groups = try query.groupColumns(of: schema)
    let database = try QueryDatabase(tables: [table], host: .live())
    if query.isCounting {
      let counts = try database.count(rows, by: groups, from: schema.name)
      return try RowPump(Projection(allOf: counts.schema), output).run(counts)
    }
    return try RowPump(request.projection, output).run(database.select(rows, from: schema.name))
  }

  /// The table as the other options narrow it; the query may narrow it further.
  private var table: QueryTable {
    let (files, request, onStall, query) = (files, request, onStall, query)
    return QueryTable(schema) { scan in
      var request = request
      let shown = query.isCounting ? [] : request.projection.columns.map(\.field.name)
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
