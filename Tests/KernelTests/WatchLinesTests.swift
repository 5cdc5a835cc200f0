import Foundation
import Glibc
import Testing

/// `--watch` where nobody sees it: lines for programs.
@Suite(.kernel) struct WatchLinesTests {
  /// What `kiter` writes until a reader of some lines goes, and how it ended.
  private func lines(
    _ arguments: String, of program: [String]? = nil, count: Int
  ) throws -> (rows: [Row], status: String) {
    let command = try (program ?? [Kiter.executable()]).joined(separator: " ")
    let output = try Command.run([
      "sh", "-c",
      "{ \(command) \(arguments); echo \"ended $?\" >&2; } | head -n \(count)",
    ])
    let rows = try output.stdout.split(separator: UInt8(ascii: "\n")).map { try Row(json: $0) }
    return (rows, output.stderr)
  }

  /// Nanoseconds since 1970.
  private func time(_ row: Row) throws -> Double {
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    return try style.parse(try #require(row.text("_time"))).timeIntervalSince1970
  }

  @Test func eachLineIsAnObjectWithItsTime() throws {
    let before = Date().timeIntervalSince1970
    let (rows, status) = try lines("tasks --watch=0.1 --limit 3 --sort pid -c pid,comm", count: 12)
    let after = Date().timeIntervalSince1970
    #expect(status == "ended 0\n")
    #expect(rows.count == 12)
    for row in rows { #expect(row.names == ["_time", "pid", "comm"]) }
    let times = try rows.map(time)
    #expect(times == times.sorted())
    #expect(Set(times).count == 4, "three rows of each look have its time")
    // Milliseconds are cut.
    #expect(try #require(times.first) >= before - 0.001 && #require(times.last) <= after)
    #expect(
      rows.map { $0.number("pid") } == (0..<4).flatMap { _ in rows[..<3].map { $0.number("pid") } })
  }

  @Test func endsWhenItsReaderDoes() throws {
    // Long before there would be something to write.
    let (rows, status) = try lines("tasks --watch=86400 --limit 1", count: 1)
    #expect(rows.count == 1)
    #expect(status == "ended 0\n")
  }

  @Test func programsAreLoadedOnce() throws {
    let log = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID()).strace")
    defer { try? FileManager.default.removeItem(at: log) }
    func loads(_ arguments: String) throws -> Int {
      let command = "strace -f -e trace=bpf -o \(log.path) \(try Kiter.executable()) \(arguments)"
      let output = try Command.run(["sh", "-c", command])
      #expect(!output.stdout.isEmpty)
      let calls = try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
      return calls.count { $0.contains("BPF_PROG_LOAD") }
    }
    for (table, columns) in [("tasks", "pid,comm"), ("tasks", "pid,cmdline"), ("maps", "id")] {
      let rest = "\(table) --limit 1 -c \(columns) -w '1' -o jsonl"
      _ = try loads(rest)
      let once = try loads(rest + " --watch=86400 | head -n 1")
      #expect(once > 0)
      #expect(try loads(rest + " --watch=0.1 | head -n 10") == once, "\(table) \(columns)")
    }
  }

  @Test func ratesAddUpToWhatTheKernelCounts() throws {
    // It stands still while the looks begin and end, so that all of its switches are between them.
    let shell = try Subprocess(["sh", "-c", "while :; do /bin/true; done"])
    kill(shell.pid, SIGSTOP)
    let watch = try Subprocess([
      Kiter.executable(), "tasks", "--watch=0.2", "--delta", "--pid", "\(shell.pid)",
      "-c", "voluntary_switches",
    ])
    var reader = LineReader(watch.output)
    let first = try Row(json: reader.next())
    #expect(first.isNull("voluntary_switches_per_second"), "nothing to compare with is not 0")
    let before = try switches(of: shell.pid)
    kill(shell.pid, SIGCONT)
    var total = 0.0
    var last = try time(first)
    var isRunning = true
    for look in 0... {
      try #require(look < 600, "it does not come to rest")
      let row = try Row(json: reader.next())
      let rate = try #require(row.decimal("voluntary_switches_per_second"))
      total += rate * (try time(row) - last)
      last = try time(row)
      if isRunning, try switches(of: shell.pid) > before + 200 {
        kill(shell.pid, SIGSTOP)
        isRunning = false
      } else if !isRunning && rate == 0 {
        break
      }
    }
    let counted = Double(try switches(of: shell.pid) - before)
    #expect(counted > 200)
    // Times are written in milliseconds.
    #expect(abs(total - counted) < counted / 20, "\(total) instead of \(counted)")
  }

  /// How often a process has waited.
  private func switches(of pid: pid_t) throws -> UInt64 {
    let status = try ProcFiles.text("/proc/\(pid)/status").split(separator: "\n")
    let line = try #require(status.first { $0.hasPrefix("voluntary_ctxt_switches:") })
    return try #require(line.split(separator: "\t").last.flatMap { UInt64($0) })
  }

  @Test func whatIsNewOrGoneIsSaid() throws {
    let watch = try Subprocess([
      Kiter.executable(), "tasks", "--watch=0.1", "--delta", "-c", "pid",
      "-w", "ppid = \(getpid()) AND comm = 'sleep' AND _change IS NOT NULL",
    ])
    var reader = LineReader(watch.output)
    // It says nothing of what was there; the second look is the first that can.
    usleep(1_000_000)
    let sleeper = try Subprocess(["sleep", "1000"])
    var row = try Row(json: reader.next())
    while row.number("pid") != Int64(sleeper.pid) { row = try Row(json: reader.next()) }
    #expect(row.text("_change") == "new")
    sleeper.kill()
    row = try Row(json: reader.next())
    while row.number("pid") != Int64(sleeper.pid) { row = try Row(json: reader.next()) }
    #expect(row.text("_change") == "gone")
  }

  @Test func countsAreWatched() throws {
    let many = try Fixture("many", "7")
    let (counts, status) = try lines(
      "tasks --watch=0.1 -w 'ppid = \(many.pid)' --count-by ppid,uid", count: 3)
    #expect(status == "ended 0\n")
    for row in counts {
      #expect(row.names == ["_time", "ppid", "uid", "count"])
      #expect(row.number("count") == 7)
    }
  }

  @Test func pinsAreWatchedWithoutPrivilege() throws {
    let host = try PinnedHost()
    try host.pin("tasks", "--columns", "+tid,+utime_ns")
    let (rows, status) = try lines(
      "tasks --watch=0.1 --delta --limit 2 -c pid,utime_ns --pins \(host.pins)",
      of: PinnedHost.unprivileged([host.kiter]), count: 6)
    #expect(status == "ended 0\n")
    for (index, row) in rows.enumerated() {
      #expect(row.names == ["_time", "_change", "pid", "utime_ns_per_second"])
      #expect((row.decimal("utime_ns_per_second") != nil) == (index >= 2))
    }
  }

  @Test(arguments: [
    ("--delta", "add --watch"), ("--watch --json", "use --output jsonl"),
    ("--watch -o csv", "use --output jsonl"), ("--watch -o table", "only on a terminal"),
    ("--watch --delta --count", "exclude each other"), ("--watch --tree", "exclude each other"),
    ("--watch=0", "from 0.1 to 86400"),
    ("--watch=two", "from 0.1 to 86400"),
  ])
  func whatDoesNotGoTogetherIsSaid(arguments: String, message: String) throws {
    let output = try Kiter.run(["tasks"] + arguments.split(separator: " ").map { String($0) })
    #expect(output.status == 64)
    #expect(output.stderr.contains(message), "\(output.stderr)")
    #expect(output.stdout.isEmpty)
  }
}
