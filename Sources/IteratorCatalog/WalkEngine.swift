import Glibc
import KernelIterators
public import RecordSchema

/// How records come out of the kernel.
public enum WalkEngine: String, Sendable, CaseIterable {
  /// Through read(2): the kernel calls the program for each object. Every table has it.
  case seq
  /// Through mapped memory: the program walks by itself, in one run (Linux 6.7). Several times
  /// faster, once the memory is there; only for tables and columns that can be had so.
  case direct
}

extension TableRequest {
  /// Why the direct engine cannot give what is asked for; nil if it can, on a kernel that has it.
  public var obstacleToDirect: String? {
    let columns = projection.iteratorColumns
    if directProgram == nil {
      return "the direct engine does not have this table; use --engine seq"
    }
    if scopes != [.all] {
      return "the direct engine knows no --pid and --tid; use --engine seq"
    }
    guard columns.isEmpty else {
      return "the direct engine cannot give \(columns.joined(separator: ", ")); "
        + "leave them out (--columns), or use --engine seq"
    }
    return nil
  }

  /// The one program that runs, if it has a direct form.
  var directProgram: Schema.Program? {
    let programs = selectedPrograms
    guard programs.count == 1, storedProgram == nil else { return nil }
    return programs[0].direct != nil ? programs[0] : nil
  }

  /// The one program that runs, if its direct form is always there: an iterator that stores its
  /// records, because the other engine gives no more than one buffer. So it is used always.
  var storedProgram: Schema.Program? {
    let programs = selectedPrograms
    return programs.count == 1 && programs[0].direct == programs[0].since ? programs[0] : nil
  }

  /// Why the seq engine cannot give what is asked for; nil if it can.
  var obstacleToSeq: String? {
    guard selectedPrograms.contains(where: \.endsSilently) else { return nil }
    return "the seq engine gives 32 KiB of this table, and does not say that there is more; "
      + "use --engine direct"
  }

  /// About how many objects that one will store.
  var storedCount: Int { storedProgram?.target == "cgroup" ? cgroupCount() : 100 }

  /// Is the direct engine the faster one? Not for a single walk over few tasks: making and mapping
  /// the memory costs as much as it saves.
  func prefersDirect(isRepeated: Bool) -> Bool {
    guard obstacleToDirect == nil, let since = directProgram?.direct, let tasks = taskCount(),
      isRepeated || tasks >= leastTasks, tasks <= mostTasks,
      isRepeated || projection.maySleep || bytes(for: tasks) <= mostBytes
    else { return false }
    return kernelIsAtLeast(since)
  }

  /// About how many bytes a walk over so many tasks gives.
  func bytes(for tasks: Int) -> Int {
    tasks * (projection.fixedSize + 24 * projection.wantedTexts) + 4096
  }
}

extension Schema.Program {
  /// Does the kernel end after one buffer without a word? dmabuf_iter_seq_start() (Linux 6.16) takes
  /// a second read for the end.
  public var endsSilently: Bool { target == "dmabuf" }
}

/// Fewer are walked over by an iterator before the memory is mapped.
private let leastTasks = 1000
/// The tasks are listed in one RCU section, in which a kernel that does not preempt runs nothing else
/// on that processor: some 20 milliseconds for as many tasks as this.
private let mostTasks = 100_000

/// A walk in one run stores all records before the first is written. More than this would show in
/// the memory that kiter takes, which does not grow with what streams.
private let mostBytes = 4 << 20

/// How many threads this host has: the fourth field of /proc/loadavg.
func taskCount() -> Int? {
  let fields = fileContents("/proc/loadavg")?.split(separator: UInt8(ascii: " ")) ?? []
  guard fields.count > 3 else { return nil }
  let count = fields[3].split(separator: UInt8(ascii: "/")).last ?? []
  return Int(String(decoding: count, as: UTF8.self))
}

/// Is this kernel's release that version or a later one? Only a hint what to try first: whether the
/// kernel has something, its verifier says.
private func kernelIsAtLeast(_ version: String) -> Bool {
  var name = utsname()
  guard uname(&name) == 0 else { return false }
  let release = withUnsafeBytes(of: name.release) { String(decoding: $0, as: UTF8.self) }
  func numbers(_ text: String) -> [Int] {
    text.split { !$0.isNumber }.prefix(2).map { Int($0) ?? 0 }
  }
  return !numbers(release).lexicographicallyPrecedes(numbers(version))
}
