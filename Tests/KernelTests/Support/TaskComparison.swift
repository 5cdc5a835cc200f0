import Foundation
import Glibc

/// What /proc says of a task, by the names of the columns of `tasks`: each value as text, nil where
/// the column must be null.
struct TaskReading: Equatable {
  /// A column that is absent here was not readable, or says nothing to compare.
  private(set) var values: [String: String?] = [:]
  /// When the task started, in ticks: tells it from another one with the same number.
  let start: UInt64

  /// Reads all files of a task; throws if it is gone, or if the kernel does not let this reader look
  /// at it (then it does not show it to iterators either).
  init(_ task: ProcTask, isThread: Bool) throws {
    let (stat, status) = (try task.stat, try task.status)
    start = stat.startTime
    // Needs the right to trace the task.
    values["user_ns"] = "\(try task.namespace("user"))"
    set(stat, status)
    set(identity: status)
    set(memory: status)
    try set(files: task, stat)
    try set(counters: task, stat, status, isThread: isThread)
  }

  private mutating func set(_ stat: ProcStat, _ status: ProcStatus) {
    values["pid"] = "\(status.tgid)"
    values["tid"] = "\(status.pid)"
    values["ppid"] = positive(stat.ppid)
    values["pgid"] = positive(stat.pgid)
    values["sid"] = positive(stat.sid)
    values["tracer_pid"] = positive(status.tracerPid)
    values["host_pid"] = status.nsTgid.first.map { "\($0)" }
    values["ns_pid"] = status.nsTgid.last.map { "\($0)" }
    values["state"] = stateNames[stat.state] ?? "\(stat.state)"
    values["threads"] = "\(stat.threadCount)"
    values["nice"] = "\(stat.nice)"
    values["priority"] = "\(stat.priority)"
    values["policy"] = policyNames[stat.policy] ?? "\(stat.policy)"
    values["rt_priority"] = positive(stat.realTimePriority)
    values["cpu"] = "\(stat.processor)"
    values["start_time_ns"] = "\(stat.startTime)"
    values["kernel_thread"] = stat.flags & 0x20_0000 != 0 ? "1" : "0"
    values["tty"] = positive(stat.tty)
    values["minor_faults"] = "\(stat.minorFaults)"
    values["major_faults"] = "\(stat.majorFaults)"
    values["utime_ns"] = "\(stat.utime)"
    values["stime_ns"] = "\(stat.stime)"
  }

  private mutating func set(identity status: ProcStatus) {
    for (suffix, ids) in [("uid", status.uids), ("gid", status.gids)] {
      values[suffix] = "\(ids.real)"
      values["e\(suffix)"] = "\(ids.effective)"
      values["s\(suffix)"] = "\(ids.saved)"
      values["fs\(suffix)"] = "\(ids.fileSystem)"
    }
    values["user"] = userName(status.uids.real)
    values["groups"] = "\(status.groups)"
    values["cap_effective"] = mask(status.effective)
    values["cap_permitted"] = mask(status.permitted)
    values["cap_inheritable"] = mask(status.inheritable)
    values["cap_bounding"] = mask(status.bounding)
    values["cap_ambient"] = mask(status.ambient)
    values["seccomp"] = ["disabled", "strict", "filter", "dead"][status.seccompMode]
    values["no_new_privs"] = status.noNewPrivileges ? "1" : "0"
    values["signals_pending"] = mask(status.pendingThread | status.pendingProcess)
    values["signals_blocked"] = mask(status.blocked)
    values["signals_ignored"] = mask(status.ignored)
    values["signals_caught"] = mask(status.caught)
  }

  private mutating func set(memory status: ProcStatus) {
    values["vsz_bytes"] = status.virtualBytes.map { "\($0)" }
    values["rss_bytes"] = status.residentBytes.map { "\($0)" }
    values["rss_anon_bytes"] = status.anonymousBytes.map { "\($0)" }
    values["rss_file_bytes"] = status.fileBytes.map { "\($0)" }
    values["rss_shmem_bytes"] = status.sharedBytes.map { "\($0)" }
    values["swap_bytes"] = status.swapBytes.map { "\($0)" }
    // These have no line for a task without an address space: nil is what is expected.
    for name in ["vsz", "rss", "rss_anon", "rss_file", "rss_shmem", "swap"] {
      if values["\(name)_bytes"] == nil { values["\(name)_bytes"] = .some(nil) }
    }
  }

  private mutating func set(files task: ProcTask, _ stat: ProcStat) throws {
    let hasExited = "ZX".contains(stat.state)
    let hasMemory = values["vsz_bytes"] ?? nil != nil
    values["comm"] = latin(try task.comm)
    values["exe"] = (try? task.exe).map(latin)
    values["cwd"] = hasExited ? .some(nil) : latin(try task.cwd)
    values["cmdline"] = hasMemory ? arguments(try task.commandLine) : .some(nil)
    if !hasMemory { values["exe"] = .some(nil) }
    values["fds"] =
      hasExited ? .some(nil) : "\(try ProcFiles.numbers(in: "\(task.directory)/fd").count)"
    for name in ["net", "mnt", "uts", "ipc", "cgroup", "time"] {
      values["\(name)_ns"] = hasExited ? .some(nil) : "\(try task.namespace(name))"
    }
    values["pid_ns"] = "\(try task.namespace("pid"))"
    values["loginuid"] = try task.loginUID.map { "\($0)" }
    if values["loginuid"] == nil { values["loginuid"] = .some(nil) }
    values["oom_score_adj"] = "\(try task.oomScoreAdjustment)"
    let symbol = try task.waitChannel
    values["wchan"] = symbol.isEmpty ? .some(nil) : symbol
    guard let path = try task.cgroups.first(where: { $0.hierarchy == 0 })?.path else { return }
    values["cgroup"] = latin(path)
    values["cgroup_id"] = cgroupInode(latin(path)).map { "\($0)" }
  }

  private mutating func set(
    counters task: ProcTask, _ stat: ProcStat, _ status: ProcStatus, isThread: Bool
  ) throws {
    let io = try task.io
    values["read_bytes"] = "\(io.readBytes)"
    values["write_bytes"] = "\(io.writtenBytes)"
    values["run_delay_ns"] = "\(try task.schedstat.waitNanoseconds)"
    let isFair = [0, 3, 5].contains(stat.policy)
    let sched = try task.sched
    let vruntime = try sched.text("se.vruntime").replacing(".", with: "")
    values["vruntime_ns"] = isFair ? Int64(vruntime).map { "\($0)" } : .some(nil)
    values["load_weight"] = isFair ? try sched.text("se.load.weight") : .some(nil)
    // Of a process, the file has what its first thread did alone.
    guard isThread else { return }
    values["voluntary_switches"] = "\(status.voluntarySwitches)"
    values["involuntary_switches"] = "\(status.involuntarySwitches)"
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

private let stateNames: [Character: String] = [
  "R": "running", "S": "sleeping", "D": "disk_sleep", "T": "stopped", "t": "tracing_stop",
  "X": "dead", "Z": "zombie", "P": "parked", "I": "idle",
]

private let policyNames: [UInt32: String] = [
  0: "other", 1: "fifo", 2: "rr", 3: "batch", 5: "idle", 6: "deadline", 7: "ext",
]

private func positive(_ number: some BinaryInteger) -> String?? {
  number > 0 ? "\(number)" : .some(nil)
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

private func userName(_ uid: UInt32) -> String?? {
  // SAFETY: the entry is read before the next call; the tests that ask run in one suite.
  getpwuid(uid).map { String(cString: $0.pointee.pw_name) } ?? .some(nil)
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
