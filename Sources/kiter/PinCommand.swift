import ArgumentParser
import IteratorCatalog
import KernelIterators
import RecordSchema

/// `kiter pin NAME…`: tables for users without privilege.
struct PinCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pin", abstract: "Let users without privilege read tables.",
    discussion: """
      A pin is a loaded program under a file name: whoever may read the file sees the table's rows, \
      with the columns that it was pinned with. kiter takes them by itself where it may not load \
      programs. A pin replaces one that is there, without a gap for its readers, and lasts until \
      kiter unpin or the next boot.

      A pin shows every process (or socket, …) of the host, whatever hidepid and ptrace rules say: \
      with the default columns of tasks also command lines, of files all paths, of sockets all \
      addresses. Columns that show addresses in memory are left out unless they are named. Without \
      --group and --mode only root may read. docs/pins.md says more.
      """)

  @Argument(help: "The tables.", completion: .list(Catalog.tables.map { $0.schema.name }))
  var names: [String]

  @OptionGroup var place: PinPlace

  @Option(help: ArgumentHelp("Who may read: read bits, octal.", valueName: "mode"))
  var mode: String = "0440"

  @Option(help: ArgumentHelp("Group of the pins, by name or number.", valueName: "group"))
  var group: String?

  @Option(
    name: .shortAndLong, parsing: .unconditional,
    help: ArgumentHelp(
      "Columns: a,b those, +a,-b the default ones with and without, all (but for addresses).",
      valueName: "list"))
  var columns: String?

  @Flag(name: .shortAndLong, help: "Show what libbpf and the kernel's verifier say.")
  var verbose = false

  func run() throws {
    try reportingErrors(verbose: verbose) {
      // Whatever is wrong is found before anything is made.
      let access = PinAccess(mode: try readMode(), group: try group.map(groupNumber) ?? 0)
      var tables: [PinnableTable] = []
      for name in names {
        let table = try PinnableTable(name, columns)
        if !tables.contains(where: { $0.record == table.record }) { tables.append(table) }
      }
      try makePins(of: tables, access)
    }
  }

  private func makePins(of tables: [PinnableTable], _ access: PinAccess) throws {
    var writer = try PinWriter.creating(place.folder)
    for table in tables {
      try table.pins(in: place.folder).stage(
        table.projection, table.record.files, access, in: &writer)
    }
    try writer.commit()
    for table in tables { table.announce(in: place.folder, access) }
  }

  private func readMode() throws -> UInt32 {
    guard let mode = UInt32(mode, radix: 8), mode & ~0o444 == 0, mode != 0 else {
      throw PinUsageError("--mode takes read permissions in octal, such as 0440 or 0444: \(mode)")
    }
    return mode
  }
}

/// Where pins are.
struct PinPlace: ParsableArguments {
  @Option(
    help: ArgumentHelp("Folder of the pins, on a BPF file system.", valueName: "dir"),
    completion: .directory)
  var path: String = PinFolder.standardPath

  var folder: PinFolder { PinFolder(path) }
}
