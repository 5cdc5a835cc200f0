import Foundation
import Testing

@Suite(.kernel(.alone)) struct StacksTests {
  /// A thread as /proc has it, while it stands still.
  private struct Thread: Equatable {
    let pid: Int64
    let comm: [UInt8]
    let state: Character
    /// Innermost first, with offsets and sizes.
    let frames: [String]
    private let switches: String

    init(pid: Int64, tid: Int64) throws {
      let directory = "/proc/\(pid)/task/\(tid)"
      let before = try Self.switches(directory)
      self.pid = pid
      // Of some kernel threads it has more than the task's own 15 bytes.
      comm = Array(try ProcFiles.contents(directory + "/comm").dropLast().prefix(15))
      let stat = try ProcFiles.text(directory + "/stat")
      state = stat[stat.index(stat.lastIndex(of: ")") ?? stat.startIndex, offsetBy: 2)]
      frames = try ProcFiles.text(directory + "/stack").split(separator: "\n").map {
        String($0.dropFirst("[<0>] ".count))
      }
      switches = before
    }

    private static func switches(_ directory: String) throws -> String {
      try ProcFiles.text(directory + "/status").split(separator: "\n")
        .filter { $0.contains("_ctxt_switches") }.joined()
    }
  }

  private static let states: [Character: String] = [
    "R": "running", "S": "sleeping", "D": "disk_sleep", "T": "stopped", "t": "tracing_stop",
    "X": "dead", "Z": "zombie", "P": "parked", "I": "idle",
  ]

  private static func threads() throws -> [Int64: Thread] {
    var threads: [Int64: Thread] = [:]
    for pid in try ProcFiles.numbers(in: "/proc") {
      for tid in (try? ProcFiles.numbers(in: "/proc/\(pid)/task")) ?? [] {
        threads[Int64(tid)] = try? Thread(pid: Int64(pid), tid: Int64(tid))
      }
    }
    return threads
  }

  /// Each thread of the host that has not run from before until after the look at it.
  @Test func equalsTheFilesOfSleepingThreads() throws {
    let fixtures = try [
      Fixture("threads"), Fixture("zombie"), Fixture("names", "3b20c3"), Fixture("sockets"),
    ]
    let before = try Self.threads()
    let rows = try Kiter.rows("stacks", "--columns", "all")
    let after = try Self.threads()
    let byThread = Dictionary(uniqueKeysWithValues: rows.map { ($0.number("tid") ?? 0, $0) })
    var comparison = FieldComparison("stacks")
    var slept = 0
    for (tid, thread) in before where after[tid] == thread && thread.state != "R" {
      let row = try #require(byThread[tid], "thread \(tid) is missing")
      let place = "\(tid)"
      comparison.compare("pid", row.number("pid"), thread.pid, in: place)
      comparison.compare("tid", row.number("tid"), tid, in: place)
      comparison.compare("state", row.text("state"), Self.states[thread.state], in: place)
      let hasExited = "ZX".contains(thread.state)
      let stack = hasExited ? nil : thread.frames.joined(separator: ";")
      comparison.compare("stack", row.text("stack"), stack, in: place)
      let functions = thread.frames.map { String($0.prefix { $0 != "+" }) }
      comparison.compare("function", row.text("function"), functions.first, in: place)
      // Of worker threads /proc says also at what they work.
      guard row.bytes("comm") == thread.comm || !thread.comm.starts(with: "kworker".utf8) else {
        continue
      }
      comparison.compare("comm", row.bytes("comm"), thread.comm, in: place)
      let name = thread.comm.map { $0 == UInt8(ascii: ";") || $0 < 32 ? UInt8(ascii: "_") : $0 }
      let folded = functions.reversed().reduce(name) { $0 + Array(";\($1)".utf8) }
      comparison.compare("folded", row.bytes("folded"), hasExited ? nil : folded, in: place)
      slept += 1
    }
    #expect(slept > 20)
    try withExtendedLifetime(fixtures) { try comparison.finish() }
  }

  /// The reader itself runs while it is looked at; no stack is known of it, and no address shown.
  @Test func aRunningThreadIsUnknown() throws {
    let output = try Kiter.run(["stacks", "-c", "all", "-o", "jsonl"])
    #expect(output.stderr.contains("stack was not readable") || output.stderr.contains("values of"))
    let rows = try output.stdout.split(separator: UInt8(ascii: "\n")).map { try Row(json: $0) }
    let own = try #require(
      rows.last { $0.text("comm") == "kiter" && $0.text("state") == "running" })
    #expect(own.isNull("stack") && own.isNull("function"))
    #expect(own.list("_unreadable")?.contains("stack") == true)
    #expect(own.text("folded") == "kiter;[unknown]")
    #expect(!output.text.contains("0xffff"))
  }

  /// The lines are what flamegraph.pl takes, and all threads are in them, but for those that exited.
  @Test func foldedStacksAreCounted() throws {
    let fixture = try Fixture("many", "300")
    let output = try Kiter.run(["stacks", "--folded"])
    #expect(output.status == 0)
    let lines = output.text.split(separator: "\n").map(String.init)
    for line in lines {
      let match = line.wholeMatch(of: #/(.+;[^; +]+(?: \[\w+\])?) (\d+)/#)
      #expect(match != nil, "\(line)")
    }
    // Those that run just then are there, too, as unknown.
    let many = lines.filter { $0.hasPrefix("waiter;") }
    let counts = many.compactMap { Int($0.split(separator: " ").last ?? "") }
    #expect(counts.reduce(0, +) >= 300, "\(lines)")
    let refused = try Kiter.run(["stacks", "--folded", "-o", "json"])
    #expect(refused.status == 64 && refused.stderr.contains("leave --output"))
    #expect(try Kiter.run(["tasks", "--folded"]).status == 64)
    withExtendedLifetime(fixture) {}
  }
}
