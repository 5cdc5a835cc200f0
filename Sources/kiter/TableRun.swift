import ArgumentParser
import Glibc
import IteratorCatalog
import KernelIterators
import LiveQuery
import RecordOutput
import RecordSchema

/// Runs a table's command: from the kernel to the output, and what must be said beside it.
struct TableRun {
  /// What the records are: a snapshot's may be another version's.
  var schema: Schema
  /// The options of this version's programs.
  let parameters: [Schema.Parameter]
  let files: EmbeddedFiles
  let rows: RowSelection
  var query: QueryOptions
  let watch: WatchOptions
  var output: OutputOptions

  init<Record: KernelRecord>(_ table: Record.Type, _ arguments: TableArguments) {
    schema = table.schema
    parameters = schema.parameters
    files = table.files
    rows = arguments.rows
    query = arguments.query
    watch = arguments.watch
    output = arguments.output
  }

  func run() throws {
    if output.pager { return try runInPager() }
    do {
      if query.tree { try checkTree() }
      if output.isFolded { try checkFolded() }
      try watch.check(query, output)
      if output.stamp && isDrawn { throw RowStamp.notOnScreen }
      // First of all: it must be the first to start a thread.
      let terminal = isDrawn ? WatchTerminal() : nil
      let code =
        if let path = output.from { try writeSnapshot(path) } else {
          try usesPins ? writePinned(terminal) : widened.writeLoaded(terminal)
        }
      if let code { throw code }
    } catch let code as ExitCode {
      throw code
    } catch {
      if output.verbose, let error = error as? IteratorError, !error.log.isEmpty {
        report(error.log)
      }
      report("\(error)")
      throw ExitStatus.code(for: error)
    }
  }

  private func runInPager() throws {
    var run = self
    run.output.pager = false
    // A pager is no terminal, but has one.
    run.output.color = output.isColored ? .always : .never
    let pager = Pager()
    defer { pager?.wait() }
    try run.run()
  }

  /// The same, with the columns that are there or shown only if an option asks for more rows.
  private var widened: TableRun {
    var run = self
    if rows.owners { run.schema = schema.withOwners }
    if rows.allNetworks { run.schema.showByDefault("net_ns") }
    return run
  }

  /// Writes the rows of programs loaded now; nil if all is well.
  private func writeLoaded(_ terminal: WatchTerminal?) throws -> ExitCode? {
    let names = try output.columnNames(of: naming(schema))
    guard let columns = try columns(names, of: schema, filters: rows.filters.map(\.name)) else {
      return ExitStatus.usage
    }
    let projection = columns.read
    var opened = OpenedFiles()
    var request = TableRequest(projection)
    if output.noCache { request.cache = nil }
    request.engine = output.engine
    request.programs = rows.programs
    request.allNetworks = rows.allNetworks
    for number in rows.numbers { request.parameters[number.name] = number.value }
    for file in rows.files { request.parameters[file.name] = try opened.open(file.value) }
    for match in try matches(.live()) { request.matches[match.name] = match.value }
    let targets = ScopeTargets(schema: schema, rows)
    if !targets.isEmpty { request.scopes = targets.existing }
    guard !request.scopes.isEmpty else { return ExitStatus.failed }
    let stall = StallReport(projection: projection, scopes: request.scopes)
    let source = LoadedTable(files: files, request: request) { place in
      terminal?.terminal.say(stall.text(place)) ?? report(stall.text(place))
    }
    let end: RowPump.End
    do {
      if watch.isOn {
        end = try watched(source.repeatedTable(), columns.shown, on: terminal)
      } else {
        end = try query.tree ? drawTree(of: source) : source.write(query, output)
      }
    } catch let error as IteratorError
      where error.cause == .notPermitted && pins.exist && rows.loadingOption == nil
    {
      // Capabilities of a user namespace (a container's root) do not count.
      return try writePinned(terminal)
    }
    // The program has compared with them until here.
    withExtendedLifetime(opened) {}
    return code(of: end, columns.shown, targets)
  }

  /// The columns to show; nil, and said, if there are none.
  func projection(_ names: [String]?, filters: [String] = []) throws(UnknownColumn) -> Projection? {
    let projection = try Projection(schema, columns: names, filters: filters)
    if !projection.columns.isEmpty { return projection }
    report("\(schema.name): --columns leaves no column")
    return nil
  }

  /// Says what the rows could not say; nil if all is well.
  func code(of end: RowPump.End, _ projection: Projection, _ targets: ScopeTargets?) -> ExitCode? {
    if !query.isCounting { reportNotes(end.notes, projection, end.preamble) }
    if end.isClosed { return nil }
    if let error = end.error {
      report("\(error)")
      let isIncomplete = end.notes.records > 0 && !(error is OutputError)
      return isIncomplete ? ExitStatus.incomplete : ExitStatus.code(for: error)
    }
    return targets?.reportVanished(records: end.notes.records) == true ? ExitStatus.failed : nil
  }

  /// What fields must be equal to.
  func matches(_ host: @autoclosure () -> HostFacts) throws
    -> [(name: String, value: FilterValue)]
  {
    try rows.filters.map { filter in
      let field = try schema.column(filter.name)
      let users = { host().users }
      return (filter.name, try FilterValue(filter.value, for: field, in: schema, users: users))
    }
  }

  /// Says once what the rows could not say.
  private func reportNotes(_ notes: OutputNotes, _ projection: Projection, _ preamble: Preamble?) {
    if !notes.hidden.isEmpty {
      let some = notes.hidden.prefix(5).joined(separator: ", ")
      let names = notes.hidden.count > 5 ? "\(some) and \(notes.hidden.count - 5) more" : some
      report("\(schema.name): no room for \(names); choose with --columns, or use --pager")
    }
    for (index, column) in projection.columns.enumerated() {
      let name = column.field.name
      if notes.cut[index] > 0 {
        report("\(schema.name): \(values(notes.cut[index], of: name)) cut")
      }
      if notes.unreadable[index] > 0 {
        report("\(schema.name): \(values(notes.unreadable[index], of: name)) not readable")
      }
      guard let preamble, output.columns != nil, output.columns != "all" else { continue }
      if (column.slot.map { [$0] } ?? column.inputs).contains(where: { preamble.lacks($0.bit) }) {
        report("\(schema.name): this kernel does not have \(name)")
      }
    }
  }
}

/// Files named on the command line, open as long as the program compares with them.
struct OpenedFiles: ~Copyable {
  private var descriptors: [Int32] = []
  /// O_PATH, which glibc shows only to C with _GNU_SOURCE (the same on x86-64 and arm64).
  private static var pathOnly: Int32 { 0o10_000_000 }

  deinit { for descriptor in descriptors { close(descriptor) } }

  /// Opens a file without reading it (O_PATH).
  mutating func open(_ path: String) throws -> UInt32 {
    let descriptor = Glibc.open(path, Self.pathOnly | O_CLOEXEC)
    guard descriptor >= 0 else {
      report("\(path): \(errorText(errno))")
      throw ExitStatus.failed
    }
    descriptors.append(descriptor)
    return UInt32(descriptor)
  }
}
