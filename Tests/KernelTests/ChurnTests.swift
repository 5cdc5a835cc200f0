import Foundation
import Glibc
import Testing

/// While all else comes and goes, what stays is in every table, every time, once; and nothing is left
/// of those who looked. KITER_CHURN_SECONDS says how long: 5 if it does not.
@Suite(.kernel(.alone), .serialized) struct ChurnTests {
  private static let seconds =
    ProcessInfo.processInfo.environment["KITER_CHURN_SECONDS"].flatMap(Double.init) ?? 5

  @Test func whatStaysIsShownOnce() throws {
    let before = try BPFObjects()
    let cgroup = try ControlGroup.Mount.unified.map {
      try ControlGroup("/kiter-test-\(getpid())", in: $0)
    }
    let storm = try Storm(cgroup)
    let expected = try storm.expected(cgroup)
    let deadline = ContinuousClock.now + .seconds(Self.seconds)
    var passes = 0
    repeat {
      for table in expected {
        let shown = try Kiter.rows(table.command).map { $0.value(table.column) }
        let counts = Dictionary(shown.map { ($0, 1) }, uniquingKeysWith: +)
        for key in table.keys {
          #expect(counts[key] == 1, "\(table.command): \(key) in pass \(passes)")
        }
      }
      passes += 1
    } while ContinuousClock.now < deadline
    print("\(passes) passes of \(expected.count) tables; \(try storm.counts)")
    #expect(try storm.counts.values.allSatisfy { $0 > 0 })
    #expect(try before.leftover() == [], "BPF objects are left")
  }

  /// One process that reads all the time.
  @Test func aLongReadingKeepsNothing() throws {
    let before = try BPFObjects()
    let storm = try Storm(nil)
    let file = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    let watch = try Subprocess([
      "sh", "-c", "exec \"$0\" tasks --watch=0.1 -c pid -o jsonl >\(file)", Kiter.executable(),
    ])
    sleep(2)
    let early = try ProcessSize(watch.pid)
    usleep(UInt32(Self.seconds * 1_000_000))
    let late = try ProcessSize(watch.pid)
    #expect(late.descriptors == early.descriptors)
    #expect(late.kilobytes < early.kilobytes + 2048, "\(early) grew to \(late)")
    watch.kill()
    let looks = try Self.looks(file)
    for look in looks {
      for pid in try storm.children { #expect(look[pid] == 1, "\(pid)") }
    }
    print("\(looks.count) looks, \(early) to \(late)")
    #expect(looks.count > 10)
    #expect(try before.leftover() == [], "BPF objects are left")
  }

  /// Each whole look's processes, and how often each is there.
  private static func looks(_ file: String) throws -> [[Int: Int]] {
    let lines = try Data(contentsOf: URL(filePath: file)).split(separator: UInt8(ascii: "\n"))
    var looks: [(time: String, pids: [Int: Int])] = []
    // The last line may have been cut, and the last look with it.
    for line in lines.dropLast() {
      let row = try Row(json: line)
      let time = row.text("_time") ?? ""
      if looks.last?.time != time { looks.append((time, [:])) }
      if let pid = row.number("pid") { looks[looks.count - 1].pids[Int(pid), default: 0] += 1 }
    }
    return looks.dropLast().map(\.pids)
  }

  @Test func aKilledReaderLeavesNothing() throws {
    let before = try BPFObjects()
    for delay in 0..<40 {
      // Its output is not read: at the latest it is met while it waits for the pipe.
      let arguments = delay.isMultiple(of: 2) ? ["files"] : ["tasks", "--no-cache", "-c", "all"]
      let reader = try Subprocess([Kiter.executable()] + arguments)
      usleep(UInt32(delay) * 2000)
      reader.kill()
    }
    #expect(try before.leftover() == [], "BPF objects are left")
  }
}

/// The fixture of that name, and what of it stays.
private struct Storm {
  /// A command, and keys that it has to show.
  struct Expected {
    let command: [String]
    let column: String
    let keys: [NSObject]
  }

  private let fixture: Fixture

  init(_ cgroup: ControlGroup?) throws {
    fixture = try cgroup.map { try Fixture("storm", $0.directory) } ?? Fixture("storm")
  }

  var children: [Int] {
    get throws { try fixture.facts["children"].array.map { try $0.int } }
  }

  func expected(_ cgroup: ControlGroup?) throws -> [Expected] {
    func numbers(_ name: String) throws -> [NSObject] {
      try fixture.facts[name].array.map { NSNumber(value: try $0.int) }
    }
    let mapper = "\(try fixture.facts["mapper"].int)"
    let mappings = try fixture.facts["mappings"].array.map {
      let digits = String(try $0.int, radix: 16)
      return "0x\(String(repeating: "0", count: 16 - digits.count))\(digits)" as NSString
    }
    var all = [
      Expected(command: ["tasks", "-c", "pid"], column: "pid", keys: try numbers("children")),
      Expected(
        command: ["sockets", "--tcp", "--udp", "-c", "inode"], column: "inode",
        keys: try numbers("sockets")),
      Expected(
        command: ["files", "--pid", "\(fixture.pid)", "-c", "inode"], column: "inode",
        keys: try numbers("sockets")),
      Expected(command: ["vmas", "--pid", mapper, "-c", "start"], column: "start", keys: mappings),
    ]
    if let cgroup {
      all.append(
        Expected(
          command: ["cgroups", "-c", "path"], column: "path",
          keys: [cgroup.path as NSString]))
    }
    return all
  }

  /// How often each thing has come and gone.
  var counts: [String: UInt64] {
    get throws {
      let path = "/proc/\(fixture.pid)/fd/\(try fixture.facts["counts"].int)"
      let bytes = try Data(contentsOf: URL(filePath: path))
      let names = ["forks", "mappings", "sockets", "namespaces", "cgroups"]
      let hasCgroups = try children.count == 5
      return Dictionary(
        uniqueKeysWithValues: (hasCgroups ? names : names.dropLast()).enumerated().map {
          index, name in
          let number = bytes.dropFirst(8 * index).prefix(8).reversed().reduce(UInt64(0)) {
            $0 << 8 | UInt64($1)
          }
          return (name, number)
        })
    }
  }
}

/// The programs, maps and links that are in the kernel.
private struct BPFObjects {
  private let names: Set<String>

  init() throws {
    names = Set(
      try ["prog", "map", "link"].flatMap { kind in
        try BPFTool.list(kind, "show").map { "\(kind) \(try $0["id"].int)" }
      })
  }

  /// What has come since, belongs to no process, and does not go; the kernel takes its time.
  func leftover() throws -> [String] {
    for _ in 0..<100 {
      if try unowned().isEmpty { break }
      usleep(100_000)
    }
    return try unowned().sorted()
  }

  /// This host has other users of BPF, too.
  private func unowned() throws -> Set<String> {
    let new = try BPFObjects().names.subtracting(names)
    return try new.isEmpty ? new : new.subtracting(Self.held())
  }

  /// What the processes' descriptors hold.
  private static func held() throws -> Set<String> {
    let script = "cat /proc/[0-9]*/fdinfo/* 2>/dev/null | grep -E '^(prog|map|link)_id:' || true"
    let lines = try Command.run(["sh", "-c", script]).text.split(separator: "\n")
    return Set(lines.map { String($0).replacing("_id:\t", with: " ") })
  }
}

/// What a process holds.
private struct ProcessSize {
  let descriptors: Int
  let kilobytes: Int

  init(_ pid: pid_t) throws {
    descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
    let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    kilobytes = line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
  }
}
