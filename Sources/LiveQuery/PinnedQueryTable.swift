public import IteratorCatalog
public import RecordQuery
import RecordSchema

/// The table of a statement as its pins give it, which are opened only when a statement reads them: one
/// that cannot be read is no table's fault.
public func pinnedQueryTable(_ pins: TablePins) -> QueryTable {
  QueryTable(pins.schema) { scan in
    let source = try PinnedSource(pins)
    try source.require(scan.columns)
    let projection = try Projection(source.schema, columns: scan.columns)
    return try StoredRecords(source, projection: projection)
  }
}
