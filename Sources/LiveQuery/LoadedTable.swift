public import IteratorCatalog
public import KernelIterators
public import RecordQuery
import RecordSchema

/// A table as programs loaded now read it.
public struct LoadedTable {
  /// The table's program.
  public let files: EmbeddedFiles
  /// What to read.
  public let request: TableRequest
  /// Called from another thread when a read waits for a process's memory.
  public let onStall: @Sendable (StallPlace) -> Void

  /// Names a table; nothing is loaded before a query reads it.
  public init(
    files: EmbeddedFiles, request: TableRequest,
    onStall: @escaping @Sendable (StallPlace) -> Void = { _ in }
  ) {
    self.files = files
    self.request = request
    self.onStall = onStall
  }

  /// The table for a query, which may narrow it further; `shown` columns are read in any case.
  public func queryTable(beside shown: [String] = []) -> QueryTable {
    QueryTable(request.projection.schema) { scan in
      let request = try narrowed(by: scan, beside: shown)
      return try StoredRecords(
        KernelSource(files, request, onStall: onStall), projection: request.projection)
    }
  }

  /// The table for the same queries again and again: what one of them asks for is loaded once, as
  /// long as they are few.
  public func repeatedTable() -> QueryTable {
    var loaded: [TableScan: (source: RepeatedSource, projection: Projection)] = [:]
    return QueryTable(request.projection.schema) { scan in
      if let (source, projection) = loaded[scan] {
        source.restart()
        return try StoredRecords(source, projection: projection)
      }
      let request = try narrowed(by: scan, beside: [])
      let source = try RepeatedSource(files, request, onStall: onStall)
      if loaded.count >= Self.mostLoaded { loaded = [:] }
      loaded[scan] = (source, request.projection)
      return try StoredRecords(source, projection: request.projection)
    }
  }

  private static var mostLoaded: Int { 8 }

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
