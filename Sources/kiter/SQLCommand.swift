import ArgumentParser
import IteratorCatalog
import KernelIterators
import RecordQuery
import RecordSchema

/// `kiter sql`: a statement over all tables.
struct SQLCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sql", abstract: "Ask with SQL: joins, groups and windows over all tables.",
    discussion: """
      Each table is an SQLite table of the same name and columns; a statement sees each at one \
      moment. Try:
        kiter sql "SELECT comm, count(*) FROM files JOIN tasks USING (pid) GROUP BY 1 ORDER BY 2 DESC"
        kiter sql "EXPLAIN QUERY PLAN SELECT fd, path FROM files WHERE pid = 1"
        kiter sql --run my.bpf.o:my.json "SELECT * FROM my JOIN tasks USING (pid)"
      """)

  @Argument(help: "The statement; without one they are read from standard input.")
  var statement: String?
  @Option(
    name: .customLong("run"),
    help: ArgumentHelp(
      "A table of your own, too: its object file and its schema; may be repeated.",
      valueName: "object:schema"))
  var outside: [String] = []
  @Option(
    help: ArgumentHelp(
      "Keep the lines that you type in this file, and recall those of earlier sessions.",
      valueName: "file"))
  var history: String?
  @OptionGroup(title: "Output") var options: ReflectedOptions<ResultOptionList>

  private var output: OutputOptions {
    get throws { try TableArguments(ResultOptionList.options, given: options.given).output }
  }

  func run() throws {
    let output = try output
    try reportingErrors { try answer(QueryTables(output, and: outside), output) }
  }

  private func answer(_ all: QueryTables, _ output: OutputOptions) throws {
    let database = try QueryDatabase(tables: all.tables, host: all.host)
    let host = all.host
    if let statement { return try answer(statement, database, output, host) }
    let shell = SQLShell(tables: all.tables, historyPath: history) {
      try answer($0, database, output, host)
    }
    if !shell.run() { throw ExitStatus.failed }
  }

  private func answer(
    _ statement: String, _ database: QueryDatabase, _ output: OutputOptions, _ host: HostFacts
  ) throws {
    do {
      let rows = try database.prepare(statement)
      for choice in Set(rows.choices).sorted() { report("sql: \(choice)") }
      let end = try RowPump(Projection(allOf: rows.schema), output, host: host).run(rows)
      reportQueryNotes(database.notes)
      if let error = end.error, !end.isClosed { throw error }
    } catch {
      report("sql: \(error)")
      throw ExitStatus.code(for: error)
    }
  }
}
