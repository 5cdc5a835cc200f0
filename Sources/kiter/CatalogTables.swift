import IteratorCatalog
import KernelIterators
import RecordQuery
import RecordSchema

/// The catalog's tables for SQL: each reads the running kernel, or its pins where programs may not
/// be loaded.
func catalogTables(_ output: OutputOptions) -> [QueryTable] {
  let folder = PinFolder(output.pins ?? PinFolder.standardPath)
  let mayLoad = !output.pinned && output.pins == nil && Capabilities().mayLoad
  return Catalog.tables.map { table in
    let pins = TablePins(table.schema, in: folder)
    if !mayLoad && pins.exist { return pinnedTable(pins) }
    var request = TableRequest(Projection(allOf: table.schema))
    if output.noCache { request.cache = nil }
    return LoadedTable(files: table.files, request: request, onStall: { _ in }).queryTable()
  }
}

private func pinnedTable(_ pins: TablePins) -> QueryTable {
  QueryTable(pins.schema) { scan in
    let source = try PinnedSource(pins)
    try source.require(scan.columns)
    return try StoredRecords(source, projection: Projection(pins.schema, columns: scan.columns))
  }
}
