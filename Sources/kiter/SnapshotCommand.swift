import ArgumentParser
import Glibc
import IteratorCatalog
import KernelIterators
import RecordSchema
import RecordSnapshot

/// `kiter snapshot -o FILE [TABLE…]`: tables as they are now, in a file.
struct SnapshotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot", abstract: "Record tables in a file, to be read later or elsewhere.",
    discussion: """
      The file holds the records of each table with all columns, their schemas, and what is needed \
      of the host to read them: its users, its clocks. Every table's command and kiter sql take \
      --from FILE, on any machine and without privilege; kiter diff compares two.

      Only its owner may read the file (mode 0600): it shows all processes of the host, their \
      command lines and files, and addresses in memory. It replaces an older one when it is whole.
      """)

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Where to write; - is standard output.", valueName: "file"),
    completion: .file())
  var output: String

  @Argument(
    help: "The tables; without any all that this kernel has.",
    completion: .list(Catalog.tables.map { $0.schema.name }))
  var names: [String] = []

  @Flag(name: .shortAndLong, help: "Show what libbpf and the kernel's verifier say.")
  var verbose = false

  func run() throws {
    try reportingErrors(verbose: verbose) {
      // What maps hold may be large and secret: only who asks for it gets it.
      let ordinary = Catalog.tables.filter { !$0.schema.scopes.contains(.map) }
      let tables = try names.isEmpty ? ordinary : names.map(catalogTable)
      var writer = try SnapshotWriter(makeOutput(), host: .live())
      var written: Set<String> = []
      for table in tables where written.insert(table.schema.name).inserted {
        try write(table, to: &writer)
      }
      try writer.finish()
    }
  }

  private func makeOutput() throws -> SnapshotOutput {
    guard output == "-" else { return try SnapshotOutput(path: output) }
    if isatty(STDOUT_FILENO) == 1 {
      throw UsageError(description: "a snapshot is not for a terminal; redirect it, or name a file")
    }
    return SnapshotOutput(descriptor: STDOUT_FILENO, path: "standard output")
  }

  /// Records a table from the kernel, or from its pins where programs may not be loaded.
  private func write(_ table: any KernelRecord.Type, to writer: inout SnapshotWriter) throws {
    let schema = table.schema
    let pins = TablePins(schema, in: PinFolder())
    if !Capabilities().mayLoad && pins.exist {
      _ = try writer.write(ReadAhead(PinnedSource(pins)), schema)
      return
    }
    do {
      let source = try KernelSource(table.files, TableRequest(Projection(allOf: schema)))
      _ = try writer.write(ReadAhead(source), schema)
    } catch let error as IteratorError where names.isEmpty && error.cause == .unsupported {
      // Nothing would be left.
      if KernelSupport()?.isNewEnough() == false { throw error }
      report("\(schema.name) is left out: \(error)")
    }
  }
}
