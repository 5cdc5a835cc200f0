import IteratorCatalog
import RecordQuery
import RecordSchema

/// Answers a table's query options: the records are held, and SQLite says which and in what order.
struct QueryRun {
  let table: QueryTable
  /// The columns to show.
  let projection: Projection
  let query: QueryOptions
  let output: OutputOptions

  func run() throws -> RowPump.End {
    let schema = table.schema
    let rows = try query.rowQuery(of: schema, limit: output.limit)
    let groups = try query.groupColumns(of: schema)
    let database = try QueryDatabase(tables: [table], host: .live())
    if query.isCounting {
      let counts = try database.count(rows, by: groups, from: schema.name)
      return try RowPump(Projection(allOf: counts.schema), output).run(counts)
    }
    return try RowPump(projection, output).run(database.select(rows, from: schema.name))
  }
}
