import ArgumentParser
import Glibc
import KernelIterators

/// The command: serves metrics that SQL statements over the kernel's tables define.
@main
struct Exporter: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kiter-exporter",
    abstract: "Metrics of a running Linux kernel for Prometheus, from BPF iterators.",
    discussion: """
      Each metric is a file with an SQL statement over kiter's tables: see \(MetricFolder.standardPath).
      Answers GET /metrics with OpenMetrics or Prometheus' text, as is asked for. Without privilege \
      it reads pins, which kiter-exporter pin makes as root.
      """,
    version: "kiter-exporter \(GeneratedVersion.number)",
    subcommands: [ServeCommand.self, PinCommand.self], defaultSubcommand: ServeCommand.self)

  static func main() {
    // A client that goes away is no error: the write says so.
    signal(SIGPIPE, SIG_IGN)
    main(nil)
  }
}

/// Where metrics and pins are.
struct Places: ParsableArguments {
  @Option(
    help: ArgumentHelp("Folder of the metrics, *.sql.", valueName: "dir"), completion: .directory)
  var metrics = MetricFolder.standardPath

  @Option(
    help: ArgumentHelp("Folder of the pins, on a BPF file system.", valueName: "dir"),
    completion: .directory)
  var pins = "/run/kiter/exporter"

  var pinFolder: PinFolder { PinFolder(pins) }
}

/// Says something on stderr, in one line.
func report(_ text: String) {
  let line = Array("kiter-exporter: \(text)\n".utf8)
  // SAFETY: the array has the count that is passed. Nothing can be done if stderr takes nothing.
  _ = write(STDERR_FILENO, line, line.count)
}
