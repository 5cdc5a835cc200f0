import ArgumentParser
import IteratorCatalog
import KernelIterators
import RecordQuery
import RecordSchema

/// The options of `kiter audit` that tables have, too.
enum AuditOptionList: OptionList {
  static var options: [TableOption] {
    let names = [
      "output", "json", "columns", "limit", "no-header", "raw", "color", "no-cache", "verbose",
    ]
    return QueryOptions.options + OutputOptions.options.filter { names.contains($0.name) }
  }
}

/// `kiter audit`: what should make an engineer look.
struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Show what should make an engineer look.",
    discussion: """
      Compares what the kernel's own walks show with /proc, sock_diag(7) and bpf(2), and looks for \
      code that is in no file. What may be passing is looked at three times before it is shown. \
      Findings are no proof: a debugger traces, a compiler at run time writes what it executes.

      Findings:
      \(findingHelp)

      Exit status: 0 with findings and without, unless --fail-on-findings; 3 if a check could not be \
      made.
      """)

  @Flag(help: "Exit with status 1 if a finding is shown, or left out by --limit alone.")
  var failOnFindings = false
  @OptionGroup(title: "Output") var options: ReflectedOptions<AuditOptionList>

  func run() throws {
    let arguments = try TableArguments(AuditOptionList.options, given: options.given)
    try reportingErrors(verbose: arguments.output.verbose) {
      try write(arguments.query, arguments.output)
    }
  }

  private func write(_ query: QueryOptions, _ output: OutputOptions) throws {
    let schema = AuditTable.schema
    let projection = try Projection(schema, columns: output.columnNames(of: schema))
    // What is wrong with the condition should be said before the work is done.
    _ = try chosen(query, of: AuditTable([]))
    let tables = AuditTables(cache: output.noCache ? nil : .standard)
    let (findings, failures) = Audit(tables).run()
    let table = try AuditTable(findings)
    let end = try QueryRun(
      table: table.queryTable, projection: projection, query: query, output: output
    ).run()
    if let error = end.error, !end.isClosed { throw error }
    Self.report(failures)
    if failOnFindings, try chosen(query, of: table) > 0 { throw ExitStatus.failed }
    if let code = Self.code(failures, ofAll: failures.count == Audit(tables).checks.count) {
      throw code
    }
  }

  /// How many findings meet the query's condition.
  private func chosen(_ query: QueryOptions, of table: AuditTable) throws -> Int {
    var query = query
    query.restrictions = ["finding <> '\(AuditFinding.Sort.notChecked.name)'"]
    let rows = try query.rowQuery(of: AuditTable.schema, limit: nil)
    let database = try QueryDatabase(tables: [table.queryTable], host: .live())
    return try database.select(rows, from: AuditTable.schema.name).count
  }

  /// Says once for each reason what could not be checked.
  private static func report(_ failures: [(check: String, error: any Error)]) {
    var checks: [(reason: String, names: [String])] = []
    for failure in failures {
      let reason = reason(failure.error)
      if let index = checks.firstIndex(where: { $0.reason == reason }) {
        checks[index].names.append(failure.check)
      } else {
        checks.append((reason, [failure.check]))
      }
    }
    for (reason, names) in checks {
      kiter.report("audit: \(names.joined(separator: ", ")) not checked\(reason)")
    }
  }

  /// What an error says, but for the table, which several may share a reason with.
  private static func reason(_ error: any Error) -> String {
    guard var error = error as? IteratorError else { return ": \(error)" }
    error.iterator = ""
    return "\(error)"
  }

  /// Nothing at all could be checked: why; something: the output is incomplete.
  private static func code(_ failures: [(check: String, error: any Error)], ofAll: Bool)
    -> ExitCode?
  {
    guard let first = failures.first else { return nil }
    return ofAll ? ExitStatus.code(for: first.error) : ExitStatus.incomplete
  }
}

private let findingHelp: String = {
  let sorts = AuditFinding.Sort.allCases
  let width = sorts.map(\.name.count).max() ?? 0
  return sorts.map { sort in
    let padding = String(repeating: " ", count: width - sort.name.count)
    return "  \(sort.name)\(padding)  \(sort.summary)"
  }.joined(separator: "\n")
}()
