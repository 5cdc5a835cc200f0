import IteratorCatalog
import KernelIterators
import LiveQuery
import RecordQuery
import RecordSchema
import RecordSnapshot

/// The tables for SQL, and the host that they tell of.
struct QueryTables {
  let tables: [QueryTable]
  let host: HostFacts

  /// The tables of a snapshot, or else the catalog's, each of which reads the running kernel, or its
  /// pins where programs may not be loaded; and the user's own.
  init(_ output: OutputOptions, and outside: [String]) throws {
    if let path = output.from {
      guard outside.isEmpty else {
        throw UsageError(
          description: "--run and --from exclude each other: a snapshot is no kernel")
      }
      let snapshot = try OpenedSnapshot(path, output)
      tables = try snapshot.tables().map { $0.queryTable() }
      host = snapshot.file.host.facts
      return
    }
    let folder = PinFolder(output.pins ?? PinFolder.standardPath)
    let mayLoad = !output.pinned && output.pins == nil && Capabilities().mayLoad
    host = .live()
    let own = Catalog.tables.flatMap { table in
      let pins = TablePins(table.schema, in: folder)
      if !mayLoad && pins.exist { return [pinnedQueryTable(pins)] }
      return loadedTables(table.schema, table.files, output)
    }
    tables = try own + outsideTables(outside, output)
  }
}

/// The table as programs loaded now read it, and `NAME_owners`, with a row for each holder of each
/// object, where processes hold its objects.
private func loadedTables(_ schema: Schema, _ files: EmbeddedFiles, _ output: OutputOptions)
  -> [QueryTable]
{
  let schemas = schema.owners == nil ? [schema] : [schema, schema.withOwners]
  return schemas.map { schema in
    var request = TableRequest(Projection(allOf: schema))
    if output.noCache { request.cache = nil }
    let table = LoadedTable(files: files, request: request).queryTable()
    guard schema.showsOwners else { return table }
    var named = schema
    named.name += "_owners"
    return QueryTable(named, read: table.read)
  }
}

/// The catalog's table of that name, as commands or SQL have it.
///
/// - Throws: `UsageError` if there is none.
func catalogTable(_ name: String) throws(UsageError) -> any KernelRecord.Type {
  let table = Catalog.tables.first {
    name == $0.schema.name || name == $0.schema.name.replacingUnderscores()
  }
  if let table { return table }
  throw UsageError(
    description: "there is no table \"\(name)\"; kiter list shows those that there are")
}
