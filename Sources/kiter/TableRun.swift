import ArgumentParser
import Glibc
import IteratorCatalog
import KernelIterators
import RecordOutput
import RecordSchema

/// Runs a table's command: from the kernel to the output, and what must be said beside it.
struct TableRun {
  let schema: Schema
  let files: EmbeddedFiles
  let rows: RowSelection
  let output: OutputOptions

  init<Record: KernelRecord>(_ table: Record.Type, _ arguments: TableArguments) {
    schema = table.schema
    files = table.files
    rows = arguments.rows
    output = arguments.output
  }

  func run() throws {
    do {
      let code = try write()
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

  /// Writes the rows; nil if all is well.
  private func write() throws -> ExitCode? {
    let projection = try Projection(
      schema, columns: output.columnNames(of: schema), filters: rows.filters.map(\.name))
    guard !projection.columns.isEmpty else {
      report("\(schema.name): --columns leaves no column")
      return ExitStatus.usage
    }
    var opened = OpenedFiles()
    var request = TableRequest(projection)
    if output.noCache { request.cache = nil }
    request.programs = rows.programs
    for number in rows.numbers { request.parameters[number.name] = number.value }
    for file in rows.files { request.parameters[file.name] = try opened.open(file.value) }
    for filter in rows.filters { request.matches[filter.name] = try match(filter) }
    let targets = ScopeTargets(schema: schema, rows)
    if !targets.isEmpty { request.scopes = targets.existing }
    guard !request.scopes.isEmpty else { return ExitStatus.failed }
    let stall = StallReport(projection: projection, scopes: request.scopes)
    let source = try KernelSource(files, request) { stall.report($0) }
    let end = try RowPump(projection, output).run(source)
    // The program has compared with them until here.
    withExtendedLifetime(opened) {}
    reportNotes(end.notes, projection, end.preamble)
    if end.isClosed { return nil }
    if let error = end.error {
      report("\(error)")
      let isIncomplete = end.notes.records > 0 && !(error is OutputError)
      return isIncomplete ? ExitStatus.incomplete : ExitStatus.code(for: error)
    }
    return targets.reportVanished(records: end.notes.records) ? ExitStatus.failed : nil
  }

  private func match(_ filter: RowSelection.TextParameter) throws -> FilterValue {
    try FilterValue(
      filter.value, for: schema.column(filter.name), in: schema, users: { HostFacts.live().users })
  }

  /// Says once what the rows could not say.
  private func reportNotes(_ notes: OutputNotes, _ projection: Projection, _ preamble: Preamble?) {
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

  private func values(_ count: Int, of name: String) -> String {
    count == 1 ? "one value of \(name) was" : "\(count) values of \(name) were"
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
