import Foundation
import Glibc
import Testing

@Suite(.kernel) struct TasksTests {
  @Test func equalsProc() throws {
    let churn = try Fixture("churn", "200")
    let states = try [
      Fixture("identity"), Fixture("signals"), Fixture("scheduler"), Fixture("scheduler", "fifo"),
      Fixture("threads", "4"), Fixture("zombie"), Fixture("zombie-leader"), Fixture("namespaces"),
      Fixture("traced"), Fixture("tty"), Fixture("memory"), Fixture("longpath"),
    ]
    defer { for fixture in states + [churn] { fixture.stop() } }
    var comparison = FieldComparison("tasks")
    try compare(isThread: false, &comparison, atLeast: 40)
    try compare(isThread: true, &comparison, atLeast: 60)
    try comparison.finish()
  }

  @Test(arguments: [
    "610a5c6e5c1b5b33", "29282920282922ff41", "c3a9e282acf09f9880", "eebf80ff80c3",
    "0102031b5d303b7807",
  ])
  func names(_ digits: String) throws {
    let fixture = try Fixture("names", digits)
    let row = try row(of: fixture.pid)
    #expect(try row.bytes("comm") == fixture.facts["comm_hex"].bytes)
    let commandLine = try fixture.facts["command_line_hex"].bytes.dropLast()
    #expect(row.bytes("cmdline") == commandLine.map { $0 == 0 ? UInt8(ascii: " ") : $0 })
  }

  @Test(arguments: [22, 20 << 10, 102_400]) func commandLines(_ size: Int) throws {
    let fixture = try Fixture("cmdline", "\(size)")
    let output = try Kiter.run([
      "tasks", "--pid", "\(fixture.pid)", "--columns", try Self.columns.get(), "--output", "jsonl",
    ])
    let row = try Row(json: output.stdout)
    let whole = try fixture.facts["command_line_hex"].bytes.map { $0 == 0 ? UInt8(ascii: " ") : $0 }
    let found = try #require(row.bytes("cmdline"))
    #expect(output.status == 0)
    #expect(whole.starts(with: found))
    if size <= 20 << 10 {
      #expect(found.count == size - 1 && row.list("_cut") == nil)
    } else {
      #expect(found.count >= 20 << 10 && row.list("_cut") == ["cmdline"])
      #expect(output.stderr.contains("cmdline"))
    }
  }

  @Test func identity() throws {
    let fixture = try Fixture("identity")
    let (facts, row) = (fixture.facts, try row(of: fixture.pid))
    for (suffix, ids) in [("uid", facts["uids"]), ("gid", facts["gids"])] {
      #expect(try row.number(suffix) == Int64(ids["real"].int))
      #expect(try row.number("e\(suffix)") == Int64(ids["effective"].int))
      #expect(try row.number("s\(suffix)") == Int64(ids["saved"].int))
      #expect(try row.number("fs\(suffix)") == Int64(ids["fs"].int))
    }
    for (name, set) in try facts["capabilities"].object {
      #expect(try row.hex("cap_\(name)") == set.uint, "\(name)")
    }
    #expect(try row.numbers("groups") == facts["groups"].array.map { Int64(try $0.int) })
    #expect(try row.number("nice") == Int64(facts["nice"].int))
    #expect(try row.number("oom_score_adj") == Int64(facts["oom_score_adj"].int))
    #expect(row.text("seccomp") == "filter" && row.flag("no_new_privs") == true)
    #expect(row.isNull("user"))
    // /etc/passwd does not know this user: a table shows what ps does.
    let pid = "\(fixture.pid)"
    let table = try Kiter.run(["tasks", "--pid", pid, "-c", "user", "--no-header"])
    let ps = try Command.run(["ps", "-o", "ruser=", "-p", pid])
    let name = ps.text.filter { !$0.isWhitespace }
    #expect(name == "\(try facts["uids"]["real"].int)")
    #expect(table.text == name + "\n")
  }

  @Test func signals() throws {
    let fixture = try Fixture("signals")
    let (facts, row) = (fixture.facts, try row(of: fixture.pid))
    let pending = try facts["pending_thread"].uint | facts["pending_process"].uint
    #expect(row.hex("signals_pending") == pending)
    #expect(try row.hex("signals_blocked") == facts["blocked"].uint)
    #expect(try row.hex("signals_ignored") == facts["ignored"].uint)
    #expect(try row.hex("signals_caught") == facts["caught"].uint)
  }

  @Test func schedulingPolicies() throws {
    let (batch, fifo) = (try Fixture("scheduler"), try Fixture("scheduler", "fifo"))
    let rows = (try row(of: batch.pid), try row(of: fifo.pid))
    #expect(rows.0.text("policy") == "batch" && rows.0.isNull("rt_priority"))
    #expect(rows.0.number("load_weight") == 1 << 20)
    #expect(rows.1.text("policy") == "fifo" && rows.1.number("rt_priority") == 3)
    #expect(rows.1.number("priority") == -4 && rows.1.isNull("vruntime_ns"))
    #expect(rows.0.number("cpu") == 0 && rows.1.number("cpu") == 0)
  }

  /// What a thread that has exited did is in its process's sums.
  @Test func threads() throws {
    let fixture = try Fixture("threads", "4")
    let facts = fixture.facts
    let process = try row(of: fixture.pid)
    let rows = try Kiter.rows(
      "tasks", "--threads", "--pid", "\(fixture.pid)", "--columns", try Self.columns.get())
    #expect(rows.count == 5 && process.number("threads") == 5)
    for fact in try facts["threads"].array {
      let thread = try #require(try rows.first { $0.number("tid") == Int64(try fact["tid"].int) })
      #expect(try thread.text("comm") == fact["name"].string)
      #expect(thread.number("pid") == Int64(fixture.pid))
      let switches = try fact["voluntary_switches"].int
      #expect((thread.number("voluntary_switches") ?? 0) >= switches)
    }
    func total(_ name: String) -> Int64 { process.number(name) ?? -1 }
    func ofThreads(_ name: String) -> Int64 { rows.reduce(0) { $0 + ($1.number(name) ?? 0) } }
    let processor = total("utime_ns") + total("stime_ns")
    let burnt = Int64(try facts["exited_thread_ns"].int)
    #expect(processor >= burnt + ofThreads("utime_ns") + ofThreads("stime_ns") - 1_000_000)
    for name in ["minor_faults", "voluntary_switches", "involuntary_switches"] {
      #expect(try total(name) >= Int64(facts["usage"][name].int), "\(name)")
      #expect(total(name) >= ofThreads(name), "\(name)")
    }
    #expect(total("minor_faults") > ofThreads("minor_faults"))
  }

  @Test func zombies() throws {
    let (zombie, headless) = (try Fixture("zombie"), try Fixture("zombie-leader"))
    let dead = try row(of: Int32(try zombie.facts["zombie_pid"].int))
    let leader = try row(of: headless.pid)
    #expect(dead.text("state") == "zombie" && leader.text("state") == "zombie")
    #expect(dead.number("threads") == 1 && leader.number("threads") == 2)
    #expect(dead.number("ppid") == Int64(zombie.pid))
    for row in [dead, leader] {
      for name in ["cmdline", "exe", "cwd", "rss_bytes", "vsz_bytes", "fds", "net_ns"] {
        #expect(row.isNull(name), "\(name)")
      }
      #expect(row.text("comm") == "kiter-fixture" && row.names.isDisjoint(with: ["_unreadable"]))
    }
    let threads = try Kiter.rows(
      "tasks", "--threads", "--pid", "\(headless.pid)", "--columns", try Self.columns.get())
    let survivor = try #require(threads.first { $0.text("comm") == "survivor" })
    #expect(try survivor.number("tid") == Int64(headless.facts["survivor_tid"].int))
    #expect(survivor.number("rss_bytes") != nil && survivor.text("cmdline") != nil)
  }

  @Test func namespaces() throws {
    let fixture = try Fixture("namespaces")
    let child = Int32(try fixture.facts["child_pid"].int)
    for (pid, facts) in [(fixture.pid, "namespaces"), (child, "child_namespaces")] {
      let row = try row(of: pid)
      for (name, inode) in try fixture.facts[facts].object where !name.hasSuffix("_for_children") {
        #expect(try row.number("\(name)_ns") == Int64(inode.int), "\(name) of \(pid)")
      }
    }
    let row = try row(of: child)
    #expect(try row.number("ns_pid") == Int64(fixture.facts["child_inner_pid"].int))
    #expect(row.number("pid") == Int64(child) && row.number("host_pid") == Int64(child))
  }

  @Test func tracersTerminalsAndPaths() throws {
    let (traced, terminal) = (try Fixture("traced"), try Fixture("tty"))
    let target = try row(of: Int32(try traced.facts["traced_pid"].int))
    #expect(target.number("tracer_pid") == Int64(traced.pid))
    let child = try row(of: Int32(try terminal.facts["child_pid"].int))
    let name = String(decoding: try terminal.facts["tty_hex"].bytes, as: UTF8.self)
    #expect(child.text("tty").map { "/dev/\($0)" } == name)
    #expect(try child.number("sid") == Int64(terminal.facts["child_sid"].int))
    #expect(try child.number("pgid") == Int64(terminal.facts["child_pgid"].int))
    let long = try Fixture("longpath")
    #expect(try row(of: long.pid).text("cwd") == long.facts["cwd"].string)
  }

  @Test func memory() throws {
    let fixture = try Fixture("memory")
    let row = try row(of: fixture.pid)
    let status = try ProcTask(fixture.pid).status
    #expect(row.number("rss_bytes") == status.residentBytes.map { Int64($0) })
    let shared: Set = ["shared_anonymous", "memfd"]
    let touched = try fixture.facts["regions"].array.reduce(0) {
      try shared.contains($1["kind"].string) ? $0 + $1["touched_bytes"].int : $0
    }
    #expect((row.number("rss_shmem_bytes") ?? 0) >= touched)
    let parts = ["rss_anon_bytes", "rss_file_bytes", "rss_shmem_bytes"]
    #expect(row.number("rss_bytes") == parts.reduce(0) { $0 + (row.number($1) ?? 0) })
  }

  /// All columns.
  private static let columns = Result {
    try JSONDecoder().decode(Facts.self, from: try Kiter.run(["schema", "tasks"]).stdout)["fields"]
      .array.filter { $0["hidden"].isNull }.map { try $0["name"].string }
      .joined(separator: ",")
  }

  /// The one row of a process.
  private func row(of pid: Int32) throws -> Row {
    let rows = try Kiter.rows("tasks", "--pid", "\(pid)", "--columns", try Self.columns.get())
    #expect(rows.count == 1)
    return try #require(rows.first)
  }
}

extension TasksTests {
  /// Reads /proc, kiter and /proc again, and compares what /proc said twice.
  private func compare(isThread: Bool, _ comparison: inout FieldComparison, atLeast count: Int)
    throws
  {
    let before = try Self.readings(isThread: isThread)
    let clock = Clock()
    let rows =
      isThread
      ? try Kiter.rows("tasks", "--columns", "all", "--threads")
      : try Kiter.rows("tasks", "--columns", "all")
    let later = Clock()
    let after = try Self.readings(isThread: isThread)
    let byNumber = Dictionary(uniqueKeysWithValues: rows.map { ($0.number("tid") ?? 0, $0) })
    var (stable, changed, tasks) = (0, 0, 0)
    for (tid, reading) in before {
      guard let again = after[tid], again.start == reading.start else { continue }
      guard let row = byNumber[Int64(tid)] else {
        Issue.record("task \(tid) has no row")
        continue
      }
      tasks += 1
      for (name, value) in reading.values {
        guard reading.isCertain(name, again) else {
          changed += 1
          continue
        }
        stable += 1
        compare(name, row, value, &comparison)
      }
      compareTimes(row, clock, later, &comparison)
    }
    #expect(tasks >= count)
    #expect(stable > 4 * changed, "\(changed) values changed, \(stable) did not")
  }

  private func compare(
    _ name: String, _ row: Row, _ expected: String?, _ comparison: inout FieldComparison
  ) {
    let place = "\(row.number("tid") ?? 0) \(row.text("comm") ?? "")"
    var found = row.reading(name)
    if name == "comm", row.flag("kernel_thread") == true, let comm = found, let expected,
      expected.hasPrefix(comm)
    {
      // There /proc adds what the thread works on.
      found = expected
    }
    comparison.compare(name, found, expected, in: place)
  }

  /// What depends on the moment lies between what it was before and after.
  private func compareTimes(
    _ row: Row, _ before: Clock, _ after: Clock, _ comparison: inout FieldComparison
  ) {
    let place = "\(row.number("tid") ?? 0)"
    let start = Double(row.number("start_time_ns") ?? 0) / 1e9
    let elapsed = Double(row.number("elapsed_seconds") ?? -2)
    let isAge = elapsed >= before.sinceBoot - start - 1 && elapsed <= after.sinceBoot - start
    comparison.compare("elapsed_seconds", isAge, true, in: place)
    let isStart = abs((row.seconds("started_at") ?? 0) - start - before.bootTime) < 0.01
    comparison.compare("started_at", isStart, true, in: place)
    let used = Double((row.number("utime_ns") ?? 0) + (row.number("stime_ns") ?? 0)) / 1e7
    let percent = row.decimal("cpu_percent") ?? -1
    let isShare =
      percent >= used / (after.sinceBoot - start) - 0.06
      && percent <= used / (before.sinceBoot - start) + 0.06
    comparison.compare("cpu_percent", isShare, true, in: place)
  }

  private static func readings(isThread: Bool) throws -> [Int32: TaskReading] {
    var readings: [Int32: TaskReading] = [:]
    // This process does other things meanwhile.
    for process in try ProcTask.all() where process.pid != getpid() {
      for task in isThread ? (try? process.threads) ?? [] : [process] {
        readings[task.tid] = try? TaskReading(task, isThread: isThread)
      }
    }
    return readings
  }
}

/// Two clocks at one moment, in seconds.
private struct Clock {
  let sinceBoot = Self.seconds(CLOCK_BOOTTIME)
  /// When the kernel started, by the wall clock.
  let bootTime = Self.seconds(CLOCK_REALTIME) - Self.seconds(CLOCK_BOOTTIME)

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    // SAFETY: clock_gettime fills the structure.
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
