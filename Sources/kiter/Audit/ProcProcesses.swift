import Glibc
import KernelIterators

/// A process as /proc shows it.
struct ProcProcess: Equatable {
  let pid: UInt32
  let comm: [UInt8]
  /// When it started, in clock ticks since boot: with the pid, what tells it from all others.
  let start: UInt64

  /// Reads /proc/PID/stat: the name is in parentheses, and may have some of its own.
  init?(stat: [UInt8]) {
    guard let open = stat.firstIndex(of: UInt8(ascii: "(")),
      let close = stat.lastIndex(of: UInt8(ascii: ")")), open < close,
      let pid = UInt32(String(decoding: stat[..<open].dropLast(), as: UTF8.self))
    else { return nil }
    // Field 22; the first behind the name is field 3.
    let fields = stat[(close + 1)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 19, let start = UInt64(String(decoding: fields[19], as: UTF8.self)) else {
      return nil
    }
    self.pid = pid
    self.comm = Array(stat[(open + 1)..<close])
    self.start = start
  }

  /// One of which /proc shows only that it is there.
  init(unreadable pid: UInt32) {
    self.pid = pid
    comm = []
    start = 0
  }
}

/// The processes that /proc shows to whoever looks into its folders.
struct ProcProcesses {
  private let device: dev_t

  /// - Throws: `UncheckedError` where /proc does not show what the kernel's walk does: that of
  ///   another pid namespace, or one that hides processes from this user by its mount options.
  init() throws(UncheckedError) {
    var status = stat()
    // SAFETY: the call fills the structure that it is given.
    guard stat("/proc/self/stat", &status) == 0,
      let own = fileContents("/proc/self/stat").flatMap({ ProcProcess(stat: $0) })
    else { throw UncheckedError("/proc is not that of this pid namespace, or not mounted") }
    guard own.pid == UInt32(getpid()) else {
      throw UncheckedError("/proc is that of another pid namespace: numbers mean others there")
    }
    if Self.hidesProcesses && !Capabilities().contains(.sysPtrace) {
      throw UncheckedError("/proc hides processes (hidepid) from who has no CAP_SYS_PTRACE")
    }
    device = status.st_dev
  }

  /// Those that it shows now.
  func list() -> [ProcProcess] {
    folderNames("/proc").compactMap { UInt32($0) }.compactMap { pid in
      switch look(at: pid) {
      case .shown(let process): process
      // It is there, if only to be seen.
      case .refused(let code) where code == EACCES || code == EPERM: .init(unreadable: pid)
      case .refused, .covered, .other: nil
      }
    }
  }

  /// Why a process is not in the list.
  func absence(of pid: UInt32) -> String {
    switch look(at: pid) {
    case .refused(let code): "/proc/\(pid)/stat: \(errorText(code))"
    case .covered: "another file system is mounted over /proc/\(pid)"
    case .other(let other): "/proc/\(pid) is the folder of process \(other)"
    case .shown: "/proc does not list it, but has /proc/\(pid)/stat"
    }
  }

  private enum Look {
    case shown(ProcProcess)
    case refused(Int32)
    /// Not the process file system's own file.
    case covered
    /// Another process's, mounted there.
    case other(UInt32)
  }

  private func look(at pid: UInt32) -> Look {
    let number = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
    guard number >= 0 else {
      let code = errno
      // A folder of another file system has no such file.
      return isCovered(pid) ? .covered : .refused(code)
    }
    let descriptor = Descriptor(number)
    var status = stat()
    // SAFETY: the call fills the structure that it is given.
    guard fstat(descriptor.number, &status) == 0, status.st_dev == device else { return .covered }
    var bytes = [UInt8](repeating: 0, count: 1024)
    // SAFETY: read is given the size of the array.
    let count = read(descriptor.number, &bytes, bytes.count)
    // ESRCH: it has gone since the file was opened.
    guard count > 0, let process = ProcProcess(stat: Array(bytes.prefix(count))) else {
      return .refused(ESRCH)
    }
    return process.pid == pid ? .shown(process) : .other(process.pid)
  }

  private func isCovered(_ pid: UInt32) -> Bool {
    var status = stat()
    // SAFETY: the call fills the structure that it is given.
    return stat("/proc/\(pid)", &status) == 0 && status.st_dev != device
  }

  /// Is /proc mounted with an option that keeps processes from some users?
  private static var hidesProcesses: Bool {
    let mounts = String(decoding: fileContents("/proc/self/mountinfo") ?? [], as: UTF8.self)
    return mounts.split(separator: "\n").last {
      $0.split(separator: " ").dropFirst(4).first == "/proc"
    }
    .map { line in
      line.split(whereSeparator: { $0 == " " || $0 == "," }).contains {
        $0.hasPrefix("hidepid=") && $0 != "hidepid=0" && $0 != "hidepid=off"
      }
    } ?? false
  }
}

/// Why something could not be checked, other than that a table could not be read.
struct UncheckedError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
