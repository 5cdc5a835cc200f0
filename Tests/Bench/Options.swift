/// What the benchmark is asked for; the Makefile passes its variables on.
struct Options {
  /// The binaries of this build.
  var kiter = ""
  var fixture = ""
  /// The directory for `benchmarks.md` and the plots; nil for standard output and no plots.
  var output: String?
  /// Few rounds and sizes, for a look.
  var isQuick = false
  /// The names of the cases to run; empty for all.
  var cases: [String] = []

  /// - Throws: `BenchError` for what is not understood.
  init(_ arguments: [String]) throws {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      guard option != "--quick" else {
        isQuick = true
        continue
      }
      guard let value = rest.popFirst() else { throw BenchError("\(option) needs a value") }
      switch option {
      case "--kiter": kiter = value
      case "--fixture": fixture = value
      case "--output": output = value
      case "--cases": cases = value.split(separator: ",").map(String.init)
      default: throw BenchError("no option \(option)")
      }
    }
    guard !kiter.isEmpty, !fixture.isEmpty else { throw BenchError("use `make bench`") }
  }
}

/// What all measurements share: the binary, how often, and what is worth a note.
final class Workbench {
  let options: Options
  private(set) var notes: [String] = []

  init(_ options: Options) { self.options = options }

  /// A command of kiter as it is installed.
  func kiter(_ arguments: [String]) -> Command { Command([options.kiter] + arguments) }

  /// How often each command is run for a median.
  var rounds: Int { options.isQuick ? 3 : 15 }
  /// How often a start is traced.
  var loadRounds: Int { 5 }
  /// Short runs differ more, in proportion, and cost less to repeat.
  func rounds(for run: Run) -> Int { run.nanoseconds < 20_000_000 ? rounds * 3 - 4 : rounds }

  /// The numbers of processes to show growth over.
  var sizes: [Int] {
    options.isQuick ? [100, 1000, 3000, processes] : [100, 300, 1000, 3000, processes, 30_000]
  }
  /// The number of processes for the cases.
  let processes = 10_000
  /// The processes with shared libraries.
  let programs = 5000
  let sockets = 10_000
  /// The processes of 62,500 mappings each.
  let mapped = 16

  /// Is this case to run?
  func includes(_ name: String) -> Bool { options.cases.isEmpty || options.cases.contains(name) }

  /// Keeps what was left out, and why, for the report.
  func note(_ text: String) {
    say(text)
    notes.append(text)
  }
}
