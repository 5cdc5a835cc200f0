import Foundation
import Testing

/// Hosts with very much of something: all of it is shown, once, and in memory that does not grow.
///
/// A tenth of each number; KITER_LARGE=all makes all (docs/testing.md).
@Suite(.kernel(.alone), .serialized) struct LargeTests {
  private static let part =
    ProcessInfo.processInfo.environment["KITER_LARGE"] == "all" ? 1 : 10
  /// What kiter may have resident while rows stream, in KiB.
  private static let memory = 24 << 10
  private let limits = try? KernelLimits()

  @Test func threads() throws {
    let (processes, each) = (90, 1000 / Self.part)
    let fixture = try Fixture(
      "many-threads", "\(processes)", "\(each)", timeout: .seconds(120))
    let pids = Set(try fixture.facts["pids"].array.map { Int(try $0.int) })
    let lines = try Self.stream("tasks", ["--threads", "-c", "pid,tid"]).filter {
      pids.contains($0[0])
    }
    #expect(lines.count == processes * each && Set(lines).count == lines.count)
    #expect(Set(lines.map { $0[0] }) == pids)
  }

  @Test func filesOfOneProcess() throws {
    let count = 19_000 / Self.part
    let fixture = try Fixture("many", "1", "\(count)", timeout: .seconds(60))
    let pid = try fixture.facts["pids"].array[0].int
    let shown = try Self.stream("files", ["--pid", "\(pid)", "-c", "fd"]).map { $0[0] }
    let listed = try ProcFiles.numbers(in: "/proc/\(pid)/fd")
    #expect(shown.count >= count && shown == listed.map(Int.init))
  }

  @Test func files() throws {
    let (processes, each) = (1000, 200 / Self.part)
    let fixture = try Fixture("many", "\(processes)", "\(each)", timeout: .seconds(60))
    let pids = Set(try fixture.facts["pids"].array.map { Int(try $0.int) })
    let first = Int(try fixture.facts["first_file"].int)
    let lines = try Self.stream("files", ["-c", "pid,fd"]).filter {
      pids.contains($0[0]) && $0[1] >= first
    }
    #expect(lines.count == processes * each && Set(lines).count == lines.count)
  }

  @Test func mappings() throws {
    let (processes, each) = (20, 50_000 / Self.part)
    let fixtures = try (0..<processes).map { _ in
      try Fixture("memory", "maps", "\(each)", timeout: .seconds(60))
    }
    let lines = try Self.stream("vmas", ["-c", "pid,size_bytes"])
    let counts = Dictionary(grouping: lines, by: { $0[0] }).mapValues(\.count)
    for fixture in fixtures {
      let listed = try ProcFiles.text("/proc/\(fixture.pid)/maps").utf8
        .count { $0 == UInt8(ascii: "\n") }
      // The last line is [vsyscall], which is no mapping.
      #expect(listed > each && counts[Int(fixture.pid)] == listed - 1)
    }
  }

  @Test func sockets() throws {
    let fixture = try Fixture("tcp", "\(50_000 / Self.part)", timeout: .seconds(120))
    let enter = ["nsenter", "--net=/proc/\(fixture.pid)/ns/net"]
    let lines = try Self.stream("sockets", ["--tcp", "-c", "inode,local_port"], by: enter)
    #expect(lines.count == Int(try fixture.facts["sockets"].int))
    #expect(Set(lines).count == lines.count)
  }

  /// The numbers of each row as CSV, after the same rows as JSON Lines and as a table: each form in
  /// little memory.
  private static func stream(_ table: String, _ arguments: [String], by wrapper: [String] = [])
    throws
    -> [[Int]]
  {
    // The peak of what was waited for, in KiB, on stderr.
    let program = """
      import resource, subprocess, sys
      code = subprocess.call(sys.argv[1:])
      print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
      sys.exit(code)
      """
    var rows: [[Int]] = []
    for form in ["jsonl", "table", "csv"] {
      let output = try Command.run(
        wrapper + ["python3", "-c", program, Kiter.executable(), table] + arguments
          + ["-o", form, "--no-header"], timeout: .seconds(300))
      #expect(output.status == 0, "\(output.stderr)")
      let peak = try #require(Int(output.stderr.dropLast()), "\(output.stderr)")
      #expect(peak < memory, "\(table) as \(form): \(peak) KiB")
      print("large: \(table) as \(form): \(output.stdout.count) bytes, at most \(peak) KiB")
      guard form == "csv" else { continue }
      rows = output.stdout.split(separator: UInt8(ascii: "\n")).map { line in
        line.split(separator: UInt8(ascii: ",")).map { digits in
          digits.reduce(0) { $0 * 10 + Int($1) - 48 }
        }
      }
    }
    return rows
  }
}

/// The kernel's limits of processes and mappings, raised while this is there.
private final class KernelLimits {
  private var before: [String: String] = [:]

  init() throws {
    for (name, needed) in [("kernel/pid_max", 200_000), ("kernel/threads-max", 200_000)] {
      let path = "/proc/sys/\(name)"
      let now = try ProcFiles.text(path).trimmingCharacters(in: .whitespacesAndNewlines)
      guard let number = Int(now), number < needed else { continue }
      before[path] = now
      try Data("\(needed)\n".utf8).write(to: URL(filePath: path))
    }
  }

  deinit {
    for (path, value) in before { try? Data("\(value)\n".utf8).write(to: URL(filePath: path)) }
  }
}
