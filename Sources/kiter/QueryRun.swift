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
  var host = HostFacts.live()

  func run() throws -> RowPump.End {
    let schema = table.schema
    let rows = try query.rowQuery(of: schema, limit: output.limit)
    let groups = try query.groupColumns(of: schema)
    let database = try QueryDatabase(tables: [table], host: host)
    if query.isCounting {
      let counts = try database.count(rows, by: groups, from: schema.name)
      let end = try RowPump(Projection(allOf: counts.schema), output, host: host).run(counts)
      reportQueryNotes(database.notes)
      return end
    }
    let records = try database.select(rows, from: schema.name)
    let end = try RowPump(projection, output, host: host).run(records)
    // What the rows show is noted with them.
    let shown = projection.columns.map(\.field.name)
    reportQueryNotes(database.notes.filter { !shown.contains($0.column) })
    return end
  }
}

/// Says once what a statement did not see as it is.
func reportQueryNotes(_ notes: [QueryNote]) {
  for note in notes {
    let column = "\(note.table).\(note.column)"
    if note.unreadable > 0 {
      report("\(values(note.unreadable, of: column)) not readable: NULL to the query")
    }
    if note.cut > 0 { report("\(values(note.cut, of: column)) cut") }
  }
}

/// So many values of a column, and a verb.
func values(_ count: Int, of column: String) -> String {
  count == 1 ? "one value of \(column) was" : "\(count) values of \(column) were"
}
