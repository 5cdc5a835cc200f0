import ArgumentParser
import CStart
import Glibc
import IteratorCatalog
import KernelIterators
import RecordSchema

/// The command: its subcommands are the catalog's tables and a few that speak of kiter itself.
@main
struct Kiter: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kiter",
    abstract: "Look into a running Linux kernel through BPF iterators.",
    discussion: """
      Each table is a walk over the kernel's own structures, in one read and without procfs.
      Try: kiter tasks; kiter files --pid 1; kiter sockets --listening; kiter doctor.

      Exit status: 0 good, 1 failed, 3 output incomplete, 64 wrong usage, 69 this kernel cannot, \
      77 not permitted.
      """,
    version: versionText,
    groupedSubcommands: [
      CommandGroup(name: "Table", subcommands: Catalog.tables.map { command(for: $0) }),
      CommandGroup(
        name: "Other",
        subcommands: [
          SQLCommand.self, AuditCommand.self, ListCommand.self, SchemaCommand.self,
          DoctorCommand.self,
        ]),
      CommandGroup(name: "Snapshots", subcommands: [SnapshotCommand.self, DiffCommand.self]),
      CommandGroup(name: "Your own", subcommands: [RunCommand.self]),
      CommandGroup(
        name: "Pins", subcommands: [PinCommand.self, UnpinCommand.self, PinsCommand.self]),
    ])

  static let version = GeneratedVersion.number

  /// What a report of an error should say.
  private static var versionText: String {
    let commit = GeneratedVersion.commit?.prefix(12) ?? "unknown"
    return "kiter \(version) (commit \(commit), libbpf \(libbpfVersion))"
  }

  static func main() {
    // A reader that goes away (`kiter ksyms | head`) is no error: write(2) tells it instead.
    signal(SIGPIPE, SIG_IGN)
    failIfOutputIsLost()
    Capabilities.dropOthers()
    let words = RowSelection.spellingOut(
      WatchOptions.spellingOut(QueryOptions.spellingOut(arguments)))
    do {
      if words.first == "run" {
        try RunCommand.readSchema(of: words)
        if let run = FastArguments.run(words) { return try run.run() }
      }
    } catch { exit(withError: error) }
    guard let command = FastArguments.command(words[...]) else { return main(words) }
    do { try TableRun(command.table, command.arguments).run() } catch { exit(withError: error) }
  }

  /// The words behind the program's name.
  private static var arguments: [String] {
    // SAFETY: each of them is a text of the process's own that ends with a NUL.
    (0..<kiter_argument_count()).dropFirst().map { String(cString: kiter_argument($0)) }
  }

  private static func command<Record: KernelRecord>(for table: Record.Type)
    -> any ParsableCommand.Type
  {
    TableCommand<Record>.self
  }
}
