import Foundation
import Glibc
import Testing

@Suite(.kernel(.alone)) struct ProgsTests {
  /// Runs are counted while it lives.
  private final class Statistics {
    private static let file = "/proc/sys/kernel/bpf_stats_enabled"
    private let before: String

    init() throws {
      before = try String(contentsOfFile: Self.file, encoding: .utf8)
      try Data("1".utf8).write(to: URL(filePath: Self.file))
    }

    deinit { try? Data(before.utf8).write(to: URL(filePath: Self.file)) }
  }

  @Test func equalsBpftool() throws {
    let statistics = try Statistics()
    let users = try BPFUsers()
    let walks = try (Walk("tasks"), Walk("ksyms"))
    // opensnoop's programs run, and stand still while they are looked at.
    _ = try Command.run(["cat", "/proc/self/status"])
    var comparison = FieldComparison("progs")
    try withExtendedLifetime((statistics, users, walks)) {
      let before = try Self.programs()
      let rows = try Kiter.rows("progs", "--columns", "all")
      let after = try Self.programs()
      let byID = Dictionary(uniqueKeysWithValues: rows.map { ($0.number("id") ?? 0, $0) })
      #expect(before.count >= BPFUsers.programNames.count + 2)
      for (id, program) in before {
        guard let later = after[id] else { continue }
        let row = try #require(byID[id], "program \(id) is missing")
        Self.compare(row, program, later, &comparison)
      }
      for walk in [walks.0, walks.1] { try walk.compare(rows, &comparison) }
    }
    try comparison.finish()
  }

  /// What bpftool says of all programs.
  private static func programs() throws -> [Int64: Facts] {
    try BPFTool.list("prog", "show").reduce(into: [:]) { programs, program in
      let id = try program["id"].int
      // As with maps: asked for one, it says nothing of another.
      programs[Int64(id)] = BPFTool.object("prog", "show", "id", "\(id)")
    }
  }

  private static func compare(
    _ row: Row, _ program: Facts, _ later: Facts, _ comparison: inout FieldComparison
  ) {
    let place = "\(row.number("id") ?? 0)"
    func number(_ key: String) -> Int64? { (try? program[key].int).map(Int64.init) }
    func text(_ key: String) -> String? { try? program[key].string }
    comparison.compare("id", row.number("id"), number("id"), in: place)
    comparison.compare("type", row.text("type"), text("type"), in: place)
    // Newer ones of bpftool complete a name of 15 bytes from the type information.
    comparison.compare(
      "name", row.text("name"), text("name").map { String($0.prefix(15)) }, in: place)
    comparison.compare("tag", row.text("tag"), text("tag"), in: place)
    comparison.compare("uid", row.number("uid"), number("uid"), in: place)
    comparison.compare(
      "xlated_bytes", row.number("xlated_bytes"), number("bytes_xlated"), in: place)
    comparison.compare("jited_bytes", row.number("jited_bytes"), number("bytes_jited"), in: place)
    comparison.compare("btf_id", row.number("btf_id"), number("btf_id"), in: place)
    comparison.compare(
      "gpl", row.flag("gpl"), (try? program["gpl_compatible"].bool) ?? false, in: place)
    let maps = (try? program["map_ids"].array.map { Int64(try $0.int) }).map { Set($0) }
    comparison.compare("map_ids", row.numbers("map_ids").map { Set($0) }, maps, in: place)
    compareTimes(row, program, later, &comparison)
  }

  /// bpftool rounds to seconds, by a clock that it reads itself; runs go on.
  private static func compareTimes(
    _ row: Row, _ program: Facts, _ later: Facts, _ comparison: inout FieldComparison
  ) {
    let place = "\(row.number("id") ?? 0)"
    if let loaded = try? program["loaded_at"].int {
      let seconds = row.text("loaded_at").map { $0.prefix(19) + "Z" }
      let shown = seconds.flatMap { try? Date(String($0), strategy: .iso8601) }
      let isNear = shown.map { abs($0.timeIntervalSince1970 - Double(loaded)) <= 2 }
      comparison.compare("loaded_at", isNear, true, in: place)
      var boot = timespec()
      clock_gettime(CLOCK_BOOTTIME, &boot)
      let age = Date().timeIntervalSince1970 - Double(loaded)
      let since = Double(boot.tv_sec) - Double(row.number("load_time_ns") ?? 0) / 1e9
      comparison.compare("load_time_ns", abs(age - since) <= 3, true, in: place)
    }
    for (field, key) in [("run_count", "run_cnt"), ("run_time_ns", "run_time_ns")] {
      let (least, most) = (try? program[key].int, try? later[key].int)
      guard let most else {
        comparison.compare(field, row.number(field), nil, in: place)
        continue
      }
      let isBetween = row.number(field).map { ($0 >= least ?? 0) && $0 <= most }
      comparison.compare(field, isBetween ?? (least == nil), true, in: place)
    }
  }
}

/// A walk of kiter's own that waits in the middle: one program, held by a descriptor and a link.
private struct Walk {
  private let table: String
  private let process: Subprocess

  init(_ table: String) throws {
    self.table = table
    process = try Subprocess([Kiter.executable(), table, "-c", "all", "-o", "jsonl"])
    var byte: UInt8 = 0
    // SAFETY: one byte is asked for, and there is room for it.
    while read(process.output, &byte, 1) < 0 && (errno == EAGAIN || errno == EINTR) { usleep(1000) }
  }

  func compare(_ rows: [Row], _ comparison: inout FieldComparison) throws {
    let row = try #require(rows.last { $0.text("name") == table })
    let function = table == "tasks" ? "bpf_iter_task" : "bpf_iter_ksym"
    comparison.compare("function", row.text("function"), function, in: table)
    comparison.compare("attach_type", row.text("attach_type"), "trace_iter", in: table)
    comparison.compare("sleepable", row.flag("sleepable"), table == "tasks", in: table)
    // The walk itself has one, too: the link is closed once it has begun.
    comparison.compare("refcount", row.number("refcount"), 2, in: table)
  }
}
