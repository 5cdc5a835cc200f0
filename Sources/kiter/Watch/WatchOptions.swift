import Glibc
import RecordSchema

/// Whether rows are shown again and again, as the command line says it.
struct WatchOptions: Equatable {
  var isAsked = false
  /// Time between two looks.
  var milliseconds: UInt32?
  /// Show what has changed between them?
  var delta = false

  var isOn: Bool { isAsked || milliseconds != nil }

  /// Nanoseconds between two looks.
  var interval: UInt64 { UInt64(milliseconds ?? 1000) * 1_000_000 }

  static var options: [TableOption] {
    [
      .flag(
        "watch",
        "Show the rows again every second. On a terminal: q quits, s sorts by the next column, "
          + "r reverses, / filters, arrows scroll; elsewhere JSON Lines with _time."
      ) { $0.watch.isAsked = true },
      .seconds("watch-every", "Every so many seconds; also --watch seconds, --watch=0.5.") {
        $0.watch.milliseconds = $1
      },
      .flag(
        "delta",
        "With --watch: counters as their change per second, rows that are new or gone marked."
      ) { $0.watch.delta = true },
    ]
  }

  /// The words with `--watch seconds` as the option that it is: neither reader of options knows one
  /// that may have a value or none.
  static func spellingOut(_ words: [String]) -> [String] {
    var result: [String] = []
    for word in words {
      if word.hasPrefix("--watch=") {
        result += ["--watch-every", String(word.dropFirst("--watch=".count))]
      } else if result.last == "--watch", word.utf8.first.map(isDigit) ?? false {
        result[result.count - 1] = "--watch-every"
        result.append(word)
      } else {
        result.append(word)
      }
    }
    return result
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  /// Makes sure that what is asked for goes together.
  ///
  /// - Throws: `UsageError`.
  func check(_ query: QueryOptions, _ output: OutputOptions) throws(UsageError) {
    if delta && !isOn {
      throw UsageError(description: "--delta compares one look with the next; add --watch")
    }
    guard isOn else { return }
    if output.from != nil {
      throw UsageError(
        description: "--watch and --from exclude each other: a snapshot stays as it is")
    }
    if query.tree {
      throw UsageError(description: "--watch and --tree exclude each other; leave one of them out")
    }
    if delta && query.isCounting {
      throw UsageError(description: "--delta and --count exclude each other")
    }
    switch output.format {
    case .jsonl: break
    case .json, .csv:
      throw UsageError(
        description: "--watch draws a table on a terminal and writes JSON Lines elsewhere, "
          + "not \(output.format.rawValue); use --output jsonl")
    case .table: try checkTerminal(isTableAsked: output.output != nil)
    }
  }

  private func checkTerminal(isTableAsked: Bool) throws(UsageError) {
    guard terminalSize() != nil else {
      guard isTableAsked else { return }
      throw UsageError(
        description: "--watch draws a table only on a terminal; use --output jsonl")
    }
    // SAFETY: the string is compared at once.
    let name = getenv("TERM").map { String(cString: $0) } ?? ""
    guard name.isEmpty || name == "dumb" else { return }
    throw UsageError(
      description: "this terminal cannot be drawn on (TERM=\(name)); use --output jsonl")
  }
}
