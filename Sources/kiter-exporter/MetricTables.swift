import IteratorCatalog
import KernelIterators
import LiveQuery
import RecordQuery
import RecordSchema

/// The tables that statements ask: pins where programs may not be loaded, otherwise programs that are
/// loaded once.
func metricTables(_ pins: PinFolder) -> [QueryTable] {
  let mayLoad = Capabilities().mayLoad
  return Catalog.tables.map { table in
    let pins = TablePins(table.schema, in: pins)
    if !mayLoad && pins.exist { return pinnedQueryTable(pins) }
    let request = TableRequest(Projection(allOf: table.schema))
    return LoadedTable(files: table.files, request: request).repeatedTable()
  }
}
