import IteratorCatalog
import LiveQuery
import RecordQuery
import RecordSchema

/// The user's own tables for SQL, each named as `OBJECT:SCHEMA`.
///
/// - Throws: `UsageError`, `InputError`.
func outsideTables(_ names: [String], _ output: OutputOptions) throws -> [QueryTable] {
  var known = Set(Catalog.tables.map { $0.schema.name })
  return try names.map { name in
    let parts = name.split(separator: ":").map(String.init)
    guard parts.count == 2 else {
      throw UsageError(
        description: "--run takes an object file and its schema with a colon between, not "
          + "\"\(name)\"; write --run ./my.bpf.o:my.json")
    }
    let table = try OutsideTable(object: parts[0], schema: parts[1])
    guard known.insert(table.schema.name).inserted else {
      throw UsageError(
        description: "\(parts[1]): there is a table \"\(table.schema.name)\" already; "
          + "give the schema another name")
    }
    var request = TableRequest(Projection(allOf: table.schema))
    if output.noCache { request.cache = nil }
    return LoadedTable(files: table.files, request: request).queryTable()
  }
}
