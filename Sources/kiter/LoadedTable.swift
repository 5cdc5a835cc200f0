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
      let source = try KernelSource(files, request, onStall: onStall)
      let isNeeded = !source.readsAhead
      return try RowPump(projection, output).run(ReadAhead(source, isNeeded: isNeeded))
    }
    let shown = query.isCounting ? [] : projection.columns.map(\.field.name)
    let table = queryTable(beside: shown)
    return try QueryRun(table: table, projection: projection, query: query, output: output).run()
  }

  /// The table for a query, which may narrow it further; `shown` columns are read in any case.
  func queryTable(beside shown: [String] = []) -> QueryTable {
    QueryTable(request.projection.schema) { scan in
      let request = try narrowed(by: scan, beside: shown)
      return try StoredRecords(
        KernelSource(files, request, onStall: onStall), projection: request.projection)
    }
  }

  /// The table for the same query again and again: programs are loaded once, and anew only when
  /// something else is asked for.
  func repeatedTable() -> QueryTable {
    var latest: (scan: TableScan, source: RepeatedSource, projection: Projection)?
    return QueryTable(request.projection.schema) { scan in
      if let latest, latest.scan == scan {
        latest.source.restart()
        return try StoredRecords(latest.source, projection: latest.projection)
      }
      let request = try narrowed(by: scan, beside: [])
      let source = try RepeatedSource(files, request, onStall: onStall)
      latest = (scan, source, request.projection)
      return try StoredRecords(source, projection: request.projection)
    }
  }

  private func narrowed(by scan: TableScan, beside shown: [String]) throws -> TableRequest {
    var request = request
    let others = scan.columns.filter { !shown.contains($0) }
    let matches = request.matches.merging(scan.matches) { own, _ in own }
    request.projection = try Projection(
      request.projection.schema, columns: shown + others, filters: matches.keys.sorted())
    request.matches = matches
    if request.scopes == [.all] {
      request.scopes = [
        scan.map.map { .map($0) } ?? scan.tid.map { .tid($0) } ?? scan.pid.map { .pid($0) } ?? .all
      ]
    }
    return request
  }
}
