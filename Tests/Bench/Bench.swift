import Glibc

/// Measures kiter beside other programs; `make bench` builds and runs it.
@main
enum Bench {
  static func main() {
    do {
      let options = try Options(Array(CommandLine.arguments.dropFirst()))
      guard geteuid() == 0 else { throw BenchError("needs root, as loading BPF programs does") }
      exit(try supervised { try run(options) })
    } catch {
      say("\(error)")
      exit(64)
    }
  }

  private static func run(_ options: Options) throws {
    try PrivateRun.enter()
    try KernelLimits.raise()
    let bench = Workbench(options)
    let results = try bench.run()
    let report = Report(
      machine: Machine(bench), results: results, notes: bench.notes, isQuick: options.isQuick,
      hasPlots: options.output != nil)
    guard let directory = options.output else {
      return try writeAll(report.text, to: STDOUT_FILENO, name: "standard output")
    }
    mkdir(directory, 0o755)
    try writeFile("\(directory)/benchmarks.md", report.text)
    for growth in results.growths {
      try writeFile("\(directory)/\(growth.plotFile)", growth.plot.svg)
    }
    say("wrote \(directory)/benchmarks.md")
  }
}
