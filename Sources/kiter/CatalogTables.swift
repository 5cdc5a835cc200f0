import IteratorCatalog
import KernelIterators
import RecordQuery
import RecordSchema

/// The catalog's tables for SQL: each reads the running kernel.
func catalogTables(cache: ProgramCache?) -> [QueryTable] {
  Catalog.tables.map { table in
    QueryTable(table.schema) { scan in
      let projection = try Projection(
        table.schema, columns: scan.columns, filters: scan.matches.keys.sorted())
      var request = TableRequest(projection)
      request.cache = cache
      request.matches = scan.matches
      request.scopes = [scan.tid.map { .tid($0) } ?? scan.pid.map { .pid($0) } ?? .all]
      return try StoredRecords(KernelSource(table.files, request), projection: projection)
    }
  }
}
