import Foundation
import Glibc

/// What /proc says of a task, by the names of the columns of `tasks`: each value as text, nil where
/// the column must be null.
struct TaskReading: Equatable {
  /// A column that is absent here was not readable, or says nothing to compare.
  private(set) var values: [String: String?] = [:]
  /// When the task started, in ticks: tells it from another one with the same number.
  let start: UInt64
  /// For how long each thread of its process has run: none has between two readings with the same.
  private let activity: [UInt64]

  /// Reads all files of a task; throws if it is gone, or if the kernel does not let this reader look
  /// at it (then it does not show it to iterators either).
  init(_ task: ProcTask, isThread: Bool) throws {
    let (stat, status) = (try task.stat, try task.status)
    start = stat.startTime
    activity = try ProcTask(status.tgid).threads.map { try $0.schedstat.runNanoseconds }
    // Needs the right to trace the task.
    expect("user_ns", "\(try task.namespace("user"))")
    set(stat, status)
    set(identity: status)
    set(memory: status)
    try set(files: task, stat)
    try set(counters: task, stat, status, isThread: isThread)
  }

  /// Must the column be what both readings say? What goes to and fro, only if nothing ran between.
  func isCertain(_ name: String, _ again: TaskReading) -> Bool {
    again.values[name] == values[name]
      && (activity == again.activity || !TaskReading.goesToAndFro(name))
  }

  private static func goesToAndFro(_ name: String) -> Bool {
    ["state", "wchan", "cpu", "fds", "vsz_bytes", "swap_bytes"].contains(name)
      || name.hasPrefix("rss_") || name.hasPrefix("signals_")
  }

  private mutating func expect(_ name: String, _ value: String?) {
    values.updateValue(value, forKey: name)
  }

  private mutating func set(_ stat: ProcStat, _ status: ProcStatus) {
    expect("pid", "\(status.tgid)")
    expect("tid", "\(status.pid)")
    expect("ppid", positive(stat.ppid))
    expect("pgid", positive(stat.pgid))
    expect("sid", positive(stat.sid))
    expect("tracer_pid", positive(status.tracerPid))
    expect("host_pid", status.nsTgid.first.map { "\($0)" })
    expect("ns_pid", status.nsTgid.last.map { "\($0)" })
    expect("state", taskStateNames[stat.state] ?? "\(stat.state)")
    expect("threads", "\(stat.threadCount)")
    expect("nice", "\(stat.nice)")
    expect("priority", "\(stat.priority)")
    expect("policy", policyNames[stat.policy] ?? "\(stat.policy)")
    expect("rt_priority", positive(stat.realTimePriority))
    expect("cpu", "\(stat.processor)")
    expect("start_time_ns", "\(stat.startTime)")
    expect("kernel_thread", stat.flags & 0x20_0000 != 0 ? "1" : "0")
    expect("tty", positive(stat.tty))
    expect("minor_faults", "\(stat.minorFaults)")
    expect("major_faults", "\(stat.majorFaults)")
    expect("utime_ns", "\(stat.utime)")
    expect("stime_ns", "\(stat.stime)")
  }

  private mutating func set(identity status: ProcStatus) {
    for (suffix, ids) in [("uid", status.uids), ("gid", status.gids)] {
      expect(suffix, "\(ids.real)")
      expect("e\(suffix)", "\(ids.effective)")
      expect("s\(suffix)", "\(ids.saved)")
      expect("fs\(suffix)", "\(ids.fileSystem)")
    }
    expect("user", userName(status.uids.real))
    expect("groups", "\(status.groups)")
    expect("cap_effective", mask(status.effective))
    expect("cap_permitted", mask(status.permitted))
    expect("cap_inheritable", mask(status.inheritable))
    expect("cap_bounding", mask(status.bounding))
    expect("cap_ambient", mask(status.ambient))
    expect("seccomp", ["disabled", "strict", "filter", "dead"][status.seccompMode])
    expect("no_new_privs", status.noNewPrivileges ? "1" : "0")
    expect("signals_pending", mask(status.pendingThread | status.pendingProcess))
    expect("signals_blocked", mask(status.blocked))
    expect("signals_ignored", mask(status.ignored))
    expect("signals_caught", mask(status.caught))
  }

  private mutating func set(memory status: ProcStatus) {
    expect("vsz_bytes", status.virtualBytes.map { "\($0)" })
    expect("rss_bytes", status.residentBytes.map { "\($0)" })
    expect("rss_anon_bytes", status.anonymousBytes.map { "\($0)" })
    expect("rss_file_bytes", status.fileBytes.map { "\($0)" })
    expect("rss_shmem_bytes", status.sharedBytes.map { "\($0)" })
    expect("swap_bytes", status.swapBytes.map { "\($0)" })
  }

  private mutating func set(files task: ProcTask, _ stat: ProcStat) throws {
    let hasExited = "ZX".contains(stat.state)
    let hasMemory = values["vsz_bytes"] != .some(nil)
    expect("comm", latin(try task.comm))
    expect("exe", hasMemory ? latin(try task.exe) : nil)
    expect("cwd", hasExited ? nil : latin(try task.cwd))
    expect("cmdline", hasMemory ? arguments(try task.commandLine) : nil)
    let descriptors = try ProcFiles.numbers(in: "\(task.directory)/fd").count
    expect("fds", hasExited ? nil : "\(descriptors)")
    for name in ["net", "mnt", "uts", "ipc", "cgroup", "time"] {
      expect("\(name)_ns", hasExited ? nil : "\(try task.namespace(name))")
    }
    expect("pid_ns", "\(try task.namespace("pid"))")
    expect("loginuid", try task.loginUID.map { "\($0)" })
    expect("oom_score_adj", "\(try task.oomScoreAdjustment)")
    let symbol = try task.waitChannel
    expect("wchan", symbol.isEmpty ? nil : symbol)
    guard let path = try task.cgroups.first(where: { $0.hierarchy == 0 })?.path else { return }
    expect("cgroup", latin(path))
    if let inode = cgroupInode(latin(path)) { expect("cgroup_id", "\(inode)") }
  }

  private mutating func set(
    counters task: ProcTask, _ stat: ProcStat, _ status: ProcStatus, isThread: Bool
  ) throws {
    let io = try task.io
    expect("read_bytes", "\(io.readBytes)")
    expect("write_bytes", "\(io.writtenBytes)")
    expect("run_delay_ns", "\(try task.schedstat.waitNanoseconds)")
    let isFair = [0, 3, 5].contains(stat.policy)
    let sched = try task.sched
    let vruntime = try sched.text("se.vruntime")
    // Below a millisecond the file loses the sign.
    if !isFair || !vruntime.hasPrefix("0.") {
      let digits = vruntime.replacing(".", with: "")
      expect("vruntime_ns", isFair ? Int64(digits).map { "\($0)" } : nil)
    }
    expect("load_weight", isFair ? try sched.text("se.load.weight") : nil)
    // Of a process, the file has what its first thread did alone.
    guard isThread else { return }
    expect("voluntary_switches", "\(status.voluntarySwitches)")
    expect("involuntary_switches", "\(status.involuntarySwitches)")
  }
}

extension Row {
  /// A column in the form in which `TaskReading` has it.
  func reading(_ name: String) -> String? {
    if isNull(name) { return nil }
    switch name {
    case "start_time_ns", "utime_ns", "stime_ns": return number(name).map { "\($0 / 10_000_000)" }
    case "tty": return text(name).map { "\(terminalNumber($0))" }
    case "groups": return numbers(name).map { "\($0)" }
    default: return number(name).map { "\($0)" } ?? bytes(name).map(latin)
    }
  }

  /// A time in RFC 3339, in seconds since 1970.
  func seconds(_ name: String) -> Double? {
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    return text(name).flatMap { try? style.parse($0) }?.timeIntervalSince1970
  }
}

private let taskStateNames: [Character: String] = [
  "R": "running", "S": "sleeping", "D": "disk_sleep", "T": "stopped", "t": "tracing_stop",
  "X": "dead", "Z": "zombie", "P": "parked", "I": "idle",
]

private let policyNames: [UInt32: String] = [
  0: "other", 1: "fifo", 2: "rr", 3: "batch", 5: "idle", 6: "deadline", 7: "ext",
]

private func positive(_ number: some BinaryInteger) -> String? {
  number > 0 ? "\(number)" : nil
}

private func mask(_ mask: UInt64) -> String { "0x" + String(mask, radix: 16) }

/// Bytes as text, one character each.
private func latin(_ bytes: [UInt8]) -> String {
  String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
}

/// Arguments as JSON has them: the NUL of the last is left out, the others are spaces.
private func arguments(_ bytes: [UInt8]) -> String {
  latin((bytes.last == 0 ? bytes.dropLast() : bytes).map { $0 == 0 ? UInt8(ascii: " ") : $0 })
}

private func userName(_ uid: UInt32) -> String? {
  // SAFETY: the entry is read before the next call.
  getpwuid(uid).map { String(cString: $0.pointee.pw_name) }
}

/// The number of a terminal below /dev, in the form of /proc/PID/stat.
private func terminalNumber(_ name: String) -> UInt64 {
  (try? FileStatus("/dev/\(name)"))?.specialDevice ?? 0
}

private func cgroupInode(_ path: String) -> UInt64? {
  let mounts = (try? ProcFiles.text("/proc/mounts")) ?? ""
  let mount = mounts.split(separator: "\n").map(words).first { $0.count > 2 && $0[2] == "cgroup2" }
  return mount.flatMap { try? FileStatus("\($0[1])\(path)").inode }
}
