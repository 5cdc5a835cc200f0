import Glibc
import IteratorCatalog
import KernelIterators
import RecordOutput
import RecordQuery
import RecordSchema

/// Shows a table's rows again and again: drawn in place on a terminal, as JSON Lines elsewhere.
struct WatchRun {
  private let looker: Looker
  private let output: OutputOptions
  private let host: HostFacts

  /// Plans the looks at a table, of which `shown` is to be seen.
  init(
    _ table: QueryTable, shown: Projection, _ query: QueryOptions, _ output: OutputOptions,
    host: HostFacts
  ) throws {
    looker = try Looker(table, shown: shown, query: query, host: host)
    self.output = output
    self.host = host
  }

  /// Looks until the user has seen enough.
  ///
  /// - Parameters:
  ///   - query: which rows, in which order.
  ///   - terminal: where to draw; nil for lines on standard output.
  ///   - interval: nanoseconds between two looks.
  /// - Returns: how it ended.
  /// - Throws: why the table cannot be read.
  func run(_ query: RowQuery, on terminal: WatchTerminal?, every interval: UInt64) throws
    -> RowPump.End
  {
    guard let terminal else { return try writeLines(query, every: interval) }
    return try WatchScreen(looker, terminal, output, every: interval, host: host).run(query)
  }

  /// Writes lines until nobody reads them any more.
  private func writeLines(_ query: RowQuery, every interval: UInt64) throws -> RowPump.End {
    var output = output
    output.output = .jsonl
    var next = clockTime(CLOCK_MONOTONIC)
    while true {
      let look = try looker.look(query, anew: true)
      var end = try RowPump(look.projection, output, time: look.time).run(look.rows)
      if end.error != nil { return end }
      next = max(next + interval, clockTime(CLOCK_MONOTONIC))
      if !isRead(until: next) {
        end.isClosed = true
        return end
      }
    }
  }

  /// Waits; false as soon as the reader of standard output has gone.
  private func isRead(until time: UInt64) -> Bool {
    var event = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
    while true {
      let left = millisecondsLeft(until: time)
      // SAFETY: one structure is passed, and the count says so.
      let count = poll(&event, 1, left)
      if count > 0 { return false }
      if left == 0 { return true }
    }
  }
}

/// Milliseconds until a time of CLOCK_MONOTONIC, rounded up.
func millisecondsLeft(until time: UInt64) -> Int32 {
  let now = clockTime(CLOCK_MONOTONIC)
  return time > now ? Int32(clamping: (time - now + 999_999) / 1_000_000) : 0
}
