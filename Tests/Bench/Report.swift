/// The report as Markdown.
struct Report {
  let machine: Machine
  let results: Results
  let notes: [String]
  let isQuick: Bool
  /// Are the plots beside the report?
  let hasPlots: Bool

  /// The whole text.
  var text: String {
    ([heading, comparisons] + [starts, loads, effects, growth, remarks].compactMap(\.self))
      .joined(separator: "\n\n") + "\n"
  }

  private var heading: String {
    let quick = isQuick ? "**A quick run: few rounds and sizes, not for publication.**\n\n" : ""
    let versions = machine.versions.map { "\($0.program) (\($0.version))" }.joined(separator: ", ")
    return """
      # Benchmarks

      \(quick)Written by `make bench` on \(machine.date). Anyone can run it again.

      - Machine: \(machine.processor), \(machine.cores) cores, \(machine.memoryGiB) GiB, \
      \(machine.system)
      - Kernel: \(machine.kernel)
      - Programs: \(versions)

      Whole processes, from posix_spawn(3) to the return of wait4(2), with output to /dev/null. Kiter \
      and its peers run in turn; times are medians. Kiter is the binary that `make install` \
      installs, with a warm cache.
      """
  }

  private var comparisons: String {
    """
    ## Beside other programs

    "Objects" is how many each of the two was seen to print before it was measured: processes, \
    files and mappings that the benchmark made, where the scene has them, otherwise all rows, until \
    both see the same number, and in bold if they never did; the rows of lsof and lsfd that are not descriptors do not count, nor does `[vsyscall]`, \
    which is no mapping, nor BPF programs' symbols, which kiter adds by running.

    \(table(
      ["case", "peer", "kiter ms", "peer ms", "ratio", "at most", "met", "peak MiB", "objects"],
      results.comparisons.map { row in
        [
          row.title, "`\(row.peer)`", number(row.kiter.milliseconds),
          number(row.other.milliseconds), fraction(row.ratio), limit(row), yes(row.isMet),
          row.kiter.peakKiB > 0 ? number(Double(row.kiter.peakKiB) / 1024) : "-", row.objects,
        ]
      }))

    "At most" is what the project requires, of the faster peer where there are two. "Peak" is the \
    most memory that kiter had resident; it is never shown as less than that of the benchmark \
    itself, which Linux hands on to what it starts.
    """
  }

  private var starts: String? {
    guard !results.starts.isEmpty else { return nil }
    let rows = results.starts.map { row in
      [
        "`\(row.table)`", number(row.first.milliseconds), number(row.cold.milliseconds),
        number(row.cached.milliseconds), row.pinned.map { number($0.milliseconds) } ?? "-",
        number(row.excess), number(StartRow.limit), yes(row.excess <= StartRow.limit),
      ]
    }
    return """
      ## Ways to start

      Whole runs with the default columns on the machine as it is, in milliseconds. "First" finds an \
      empty cache, as the first run after boot does, and fills it; "no cache" is `--no-cache`.

      \(table(
        ["table", "first", "no cache", "cached", "pinned", "more at first", "at most", "met"], rows))
      """
  }

  private var loads: String? {
    guard !results.loads.isEmpty else { return nil }
    let rows = results.loads.map { row in
      [
        "`\(row.table)`", row.columns.rawValue, "\(row.programs)", number(row.milliseconds),
        number(row.columns.limit), yes(row.isMet),
      ]
    }
    return """
      ## What the kernel takes to accept a program

      The sum of a cached start's BPF_PROG_LOAD calls, in milliseconds, as `strace -T` shows them; \
      strace adds some microseconds to each call.

      \(table(["table", "columns", "programs", "ms", "at most", "met"], rows))
      """
  }

  private var effects: String? {
    guard !results.effects.isEmpty else { return nil }
    return """
      ## Only what is asked for

      With 10,000 processes of 10 files each: columns decide what the program in the kernel \
      computes, and the filters below are its, too.

      \(table(
        ["request", "ms"],
        results.effects.map { ["`kiter \($0.title)`", number($0.sample.milliseconds)] }))
      """
  }

  private var growth: String? {
    guard !results.growths.isEmpty else { return nil }
    return "## How it grows\n\n"
      + results.growths.map(growthSection).joined(separator: "\n\n")
  }

  private func growthSection(_ growth: Growth) -> String {
    let sizes = growth.series[0].points.map(\.processes)
    let rows = growth.series.map { series in
      ["`\(series.title)`"] + series.points.map { number($0.sample.milliseconds) }
    }
    let marginal = growth.marginal
    let spread = spread(marginal.map(\.microseconds))
    let values = marginal.map { "\(grouped($0.processes)): \(number($0.microseconds)) µs" }
    let plot = hasPlots ? "![\(growth.title)](\(growth.plotFile))\n\n" : ""
    return """
      ### \(growth.title)

      \(plot)Milliseconds by number of processes that the benchmark made:

      \(table(["command"] + sizes.map(grouped), rows))

      Kiter's time for each process, without that of the same command for one process: \
      \(values.joined(separator: ", ")). Largest to smallest: \(fraction(spread)), at most \
      \(number(Growth.limit)): \(spread <= Growth.limit ? "met" : "**not met**").
      """
  }

  private var remarks: String? {
    guard !notes.isEmpty else { return nil }
    return "## Left out\n\n" + notes.map { "- \($0)" }.joined(separator: "\n")
  }

  private func limit(_ row: ComparisonRow) -> String {
    switch row.limit {
    case .ratio(let most): fraction(most)
    case .peakMiB(let most): "\(most) MiB"
    }
  }

  private func yes(_ isMet: Bool) -> String { isMet ? "yes" : "**no**" }
}

extension Growth {
  /// The name of the plot's file.
  var plotFile: String { "benchmark-\(name).svg" }

  /// The plot.
  var plot: LogPlot {
    LogPlot(
      title: title, horizontal: "processes", vertical: "milliseconds, whole run",
      series: series.map { series in
        LogPlot.Series(
          label: series.title,
          points: series.points.map { (Double($0.processes), $0.sample.milliseconds) })
      })
  }
}

/// A table in Markdown.
private func table(_ titles: [String], _ rows: [[String]]) -> String {
  ([titles, titles.map { _ in "---" }] + rows).map { "| \($0.joined(separator: " | ")) |" }
    .joined(separator: "\n")
}
