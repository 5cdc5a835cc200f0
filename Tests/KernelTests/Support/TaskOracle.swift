import Foundation
import Glibc

/// What /proc says of a process, or of one of its threads.
struct ProcTask {
  let pid: Int32
  let tid: Int32
  let directory: String

  /// A process.
  init(_ pid: Int32) {
    (self.pid, tid, directory) = (pid, pid, "/proc/\(pid)")
  }

  /// A thread, whose numbers are its own and not the sums of the process.
  init(_ pid: Int32, thread tid: Int32) {
    (self.pid, self.tid, directory) = (pid, tid, "/proc/\(pid)/task/\(tid)")
  }

  /// The processes that are there now.
  static func all() throws -> [ProcTask] { try ProcFiles.numbers(in: "/proc").map { ProcTask($0) } }

  /// The threads of the process.
  var threads: [ProcTask] {
    get throws {
      try ProcFiles.numbers(in: "/proc/\(pid)/task").map { ProcTask(pid, thread: $0) }
    }
  }

  /// The contents of a file of the task.
  func contents(_ file: String) throws -> [UInt8] { try ProcFiles.contents("\(directory)/\(file)") }

  /// The contents of a file of the task as text.
  func text(_ file: String) throws -> String { try ProcFiles.text("\(directory)/\(file)") }

  var stat: ProcStat { get throws { try ProcStat(try contents("stat")) } }
  var status: ProcStatus { get throws { try ProcStatus(try contents("status")) } }
  /// The arguments, each with its NUL; empty for a kernel thread.
  var commandLine: [UInt8] { get throws { try contents("cmdline") } }
  var environment: [UInt8] { get throws { try contents("environ") } }
  /// The name, without the newline that the file adds.
  var comm: [UInt8] { get throws { try contents("comm").dropLast() } }
  var io: ProcIO { get throws { try ProcIO(try text("io")) } }
  var schedstat: ProcSchedstat { get throws { try ProcSchedstat(try text("schedstat")) } }
  /// The kernel function that the task waits in; empty when it waits in none.
  var waitChannel: String {
    get throws {
      let name = try text("wchan")
      return name == "0" ? "" : name
    }
  }
  /// The audit user; nil when unset.
  var loginUID: UInt32? { get throws { Self.unlessUnset(try number("loginuid")) } }
  /// The audit session; nil when unset.
  var sessionID: UInt32? { get throws { Self.unlessUnset(try number("sessionid")) } }
  var oomScoreAdjustment: Int { get throws { try number("oom_score_adj") } }
  var cgroups: [ProcCgroup] {
    get throws { try lines(try contents("cgroup")).map { try ProcCgroup(Array($0)) } }
  }
  /// The lines of /proc/PID/sched by name, such as `policy` and `se.vruntime`.
  var sched: NamedValues { get throws { NamedValues(try text("sched")) } }
  /// The limits by name, such as `Max open files`.
  var limits: [String: ProcLimit] { get throws { try ProcLimit.parse(try text("limits")) } }

  var exe: [UInt8] { get throws { try ProcFiles.link("\(directory)/exe") } }
  var cwd: [UInt8] { get throws { try ProcFiles.link("\(directory)/cwd") } }
  var root: [UInt8] { get throws { try ProcFiles.link("\(directory)/root") } }

  /// The inode number of a namespace, such as `net` or `pid_for_children`.
  func namespace(_ name: String) throws -> UInt64 {
    try ProcFiles.linkNumber("\(directory)/ns/\(name)")
  }

  private func number<Number: FixedWidthInteger>(_ file: String) throws -> Number {
    try parseNumber(words(try text(file)).first ?? "", file)
  }

  private static func unlessUnset(_ number: UInt32) -> UInt32? { number == .max ? nil : number }
}

/// /proc/PID/stat, whose fields proc_pid_stat(5) describes; times are in clock ticks.
struct ProcStat: Equatable {
  let pid: Int32
  let comm: [UInt8]
  let state: Character
  let ppid, pgid, sid: Int32
  /// The device number of the terminal; 0 is none.
  let tty: Int32
  let foregroundPgid: Int32
  let flags: UInt32
  let minorFaults, childMinorFaults, majorFaults, childMajorFaults: UInt64
  let utime, stime: UInt64
  let childUtime, childStime: Int64
  let priority, nice: Int
  let threadCount: Int
  let startTime: UInt64
  let virtualBytes: UInt64
  /// Exact only as far as the kernel has summed its counters.
  let residentPages: Int64
  let startCode, endCode, startStack: UInt64
  let exitSignal, processor: Int32
  let realTimePriority, policy: UInt32
  let blockIODelay: UInt64
  let guestTime: UInt64
  let startData, endData, startBreak: UInt64
  let argumentsStart, argumentsEnd, environmentStart, environmentEnd: UInt64
  let exitCode: Int32

  /// Parses the file; the name may hold spaces, parentheses and newlines.
  init(_ bytes: [UInt8]) throws {
    guard let left = bytes.firstIndex(of: UInt8(ascii: "(")),
      let right = bytes.lastIndex(of: UInt8(ascii: ")")), left < right
    else { throw MalformedText(what: "stat", text: String(decoding: bytes, as: UTF8.self)) }
    let fields = words(String(decoding: bytes[(right + 1)...], as: UTF8.self))
    guard fields.count >= 50 else { throw MalformedText(what: "stat", text: "\(fields)") }
    /// A field by the number that the manual gives it: the state is the third.
    func field<Number: FixedWidthInteger>(_ number: Int) throws -> Number {
      try parseNumber(fields[number - 3], "stat field \(number)")
    }
    let text = String(decoding: bytes[..<left], as: UTF8.self)
    pid = try parseNumber(text.trimmingCharacters(in: .whitespaces), "pid")
    comm = Array(bytes[(left + 1)..<right])
    state = fields[0].first ?? "?"
    (ppid, pgid, sid) = (try field(4), try field(5), try field(6))
    (tty, foregroundPgid, flags) = (try field(7), try field(8), try field(9))
    (minorFaults, childMinorFaults) = (try field(10), try field(11))
    (majorFaults, childMajorFaults) = (try field(12), try field(13))
    (utime, stime) = (try field(14), try field(15))
    (childUtime, childStime) = (try field(16), try field(17))
    (priority, nice, threadCount) = (try field(18), try field(19), try field(20))
    (startTime, virtualBytes, residentPages) = (try field(22), try field(23), try field(24))
    (startCode, endCode, startStack) = (try field(26), try field(27), try field(28))
    (exitSignal, processor) = (try field(38), try field(39))
    (realTimePriority, policy) = (try field(40), try field(41))
    (blockIODelay, guestTime) = (try field(42), try field(43))
    (startData, endData, startBreak) = (try field(45), try field(46), try field(47))
    (argumentsStart, argumentsEnd) = (try field(48), try field(49))
    (environmentStart, environmentEnd) = (try field(50), try field(51))
    exitCode = try field(52)
  }
}

/// /proc/PID/status.
struct ProcStatus {
  /// The four user or group ids of a task.
  struct IDs: Equatable {
    let real, effective, saved, fileSystem: UInt32

    fileprivate init(_ numbers: [UInt32]) throws {
      guard numbers.count == 4 else { throw MalformedText(what: "ids", text: "\(numbers)") }
      (real, effective, saved, fileSystem) = (numbers[0], numbers[1], numbers[2], numbers[3])
    }
  }

  /// The name, with the escapes of the file undone.
  let name: [UInt8]
  let state: Character
  let tgid, pid, ppid, tracerPid: Int32
  let uids, gids: IDs
  let groups: [UInt32]
  /// The ids in each pid namespace, from that of the reader inwards.
  let nsTgid, nsPid, nsPgid, nsSid: [Int32]
  let threadCount: Int
  let pendingThread, pendingProcess, blocked, ignored, caught: UInt64
  let inheritable, permitted, effective, bounding, ambient: UInt64
  let noNewPrivileges: Bool
  let seccompMode, seccompFilters: Int
  let cpusAllowedList: String
  let voluntarySwitches, involuntarySwitches: UInt64
  /// Memory in bytes; nil for a task that has none, such as a kernel thread or a zombie.
  let virtualBytes, residentBytes, anonymousBytes, fileBytes, sharedBytes, swapBytes: UInt64?
  let peakVirtualBytes, peakResidentBytes, lockedBytes, pinnedBytes: UInt64?
  let dataBytes, stackBytes, executableBytes, libraryBytes, pageTableBytes: UInt64?
  /// All lines by name, for what has no property here.
  let values: NamedValues

  /// Parses the file.
  init(_ bytes: [UInt8]) throws {
    // The first line is taken as bytes because a name need not be UTF-8.
    let prefix = Array("Name:\t".utf8)
    guard let first = lines(bytes).first, first.starts(with: prefix) else {
      throw MalformedText(what: "status", text: String(decoding: bytes, as: UTF8.self))
    }
    name = Self.unescape(first.dropFirst(prefix.count))
    let values = NamedValues(String(decoding: bytes[first.endIndex...], as: UTF8.self))
    self.values = values
    state = try values.text("State").first ?? "?"
    (tgid, pid) = (try values.number("Tgid"), try values.number("Pid"))
    (ppid, tracerPid) = (try values.number("PPid"), try values.number("TracerPid"))
    (uids, gids) = (try IDs(try values.numbers("Uid")), try IDs(try values.numbers("Gid")))
    groups = try values.numbers("Groups")
    (nsTgid, nsPid) = (try values.numbers("NStgid"), try values.numbers("NSpid"))
    (nsPgid, nsSid) = (try values.numbers("NSpgid"), try values.numbers("NSsid"))
    threadCount = try values.number("Threads")
    func mask(_ name: String) throws -> UInt64 { try values.number(name, radix: 16) }
    (pendingThread, pendingProcess) = (try mask("SigPnd"), try mask("ShdPnd"))
    (blocked, ignored, caught) = (try mask("SigBlk"), try mask("SigIgn"), try mask("SigCgt"))
    (inheritable, permitted, effective) = (
      try mask("CapInh"), try mask("CapPrm"), try mask("CapEff")
    )
    (bounding, ambient) = (try mask("CapBnd"), try mask("CapAmb"))
    noNewPrivileges = try values.number("NoNewPrivs") == 1
    (seccompMode, seccompFilters) = (
      try values.number("Seccomp"), try values.number("Seccomp_filters")
    )
    cpusAllowedList = try values.text("Cpus_allowed_list")
    voluntarySwitches = try values.number("voluntary_ctxt_switches")
    involuntarySwitches = try values.number("nonvoluntary_ctxt_switches")
    (virtualBytes, peakVirtualBytes) = (try values.bytes("VmSize"), try values.bytes("VmPeak"))
    (residentBytes, peakResidentBytes) = (try values.bytes("VmRSS"), try values.bytes("VmHWM"))
    (anonymousBytes, fileBytes) = (try values.bytes("RssAnon"), try values.bytes("RssFile"))
    (sharedBytes, swapBytes) = (try values.bytes("RssShmem"), try values.bytes("VmSwap"))
    (lockedBytes, pinnedBytes) = (try values.bytes("VmLck"), try values.bytes("VmPin"))
    (dataBytes, stackBytes) = (try values.bytes("VmData"), try values.bytes("VmStk"))
    (executableBytes, libraryBytes) = (try values.bytes("VmExe"), try values.bytes("VmLib"))
    pageTableBytes = try values.bytes("VmPTE")
  }

  /// The kernel writes a newline as `\n` and a backslash as `\\`.
  private static func unescape(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let code = rest.popFirst() else {
        result.append(byte)
        continue
      }
      result.append(code == UInt8(ascii: "n") ? UInt8(ascii: "\n") : code)
    }
    return result
  }
}

/// /proc/PID/io.
struct ProcIO: Equatable {
  let readCharacters, writtenCharacters, readCalls, writeCalls: UInt64
  let readBytes, writtenBytes, cancelledWriteBytes: UInt64

  /// Parses the file.
  init(_ text: String) throws {
    let values = NamedValues(text)
    (readCharacters, writtenCharacters) = (try values.number("rchar"), try values.number("wchar"))
    (readCalls, writeCalls) = (try values.number("syscr"), try values.number("syscw"))
    (readBytes, writtenBytes) = (try values.number("read_bytes"), try values.number("write_bytes"))
    cancelledWriteBytes = try values.number("cancelled_write_bytes")
  }
}

/// /proc/PID/schedstat.
struct ProcSchedstat: Equatable {
  let runNanoseconds, waitNanoseconds, timeslices: UInt64

  /// Parses the file.
  init(_ text: String) throws {
    let numbers: [UInt64] = try words(text).map { try parseNumber($0, "schedstat") }
    guard numbers.count == 3 else { throw MalformedText(what: "schedstat", text: text) }
    (runNanoseconds, waitNanoseconds, timeslices) = (numbers[0], numbers[1], numbers[2])
  }
}

/// A line of /proc/PID/cgroup.
struct ProcCgroup: Equatable {
  /// 0 is the unified hierarchy of version 2.
  let hierarchy: Int
  let controllers: [String]
  let path: [UInt8]

  /// Parses a line.
  init(_ line: [UInt8]) throws {
    let parts = line.split(
      separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
    let text = parts.map { String(decoding: $0, as: UTF8.self) }
    guard parts.count == 3 else { throw MalformedText(what: "cgroup", text: "\(text)") }
    hierarchy = try parseNumber(text[0], "cgroup hierarchy")
    controllers = text[1].split(separator: ",").map(String.init)
    path = Array(parts[2])
  }
}

/// A line of /proc/PID/limits.
struct ProcLimit: Equatable {
  /// nil is unlimited.
  let soft, hard: UInt64?

  /// Parses the file; the names are columns of 26 characters.
  static func parse(_ text: String) throws -> [String: ProcLimit] {
    var limits: [String: ProcLimit] = [:]
    for line in text.split(separator: "\n").dropFirst() {
      let name = line.prefix(26).trimmingCharacters(in: .whitespaces)
      let values = words(line.dropFirst(26))
      guard values.count >= 2 else { throw MalformedText(what: "limits", text: String(line)) }
      limits[name] = ProcLimit(soft: UInt64(values[0]), hard: UInt64(values[1]))
    }
    return limits
  }
}
