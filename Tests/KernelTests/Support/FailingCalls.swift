import Foundation

/// A run of kiter in which one system call fails, once.
struct FailingCall: CustomStringConvertible {
  /// The call's name, and which of those of that name it is.
  let call: String
  let number: Int
  /// The name of the error number.
  let error: String

  var description: String { "\(call) \(number): \(error)" }

  /// What the kernel may say to each call, one by one.
  private static let errors: [(calls: [String], errors: [String])] = [
    (["bpf"], ["EPERM", "ENOMEM", "EINVAL"]),
    (["read", "pread64"], ["EIO", "EINTR", "EAGAIN"]),
    (["openat"], ["EMFILE", "EACCES"]),
    (["write"], ["ENOSPC", "EINTR"]),
    (["mmap", "mremap"], ["ENOMEM"]),
    (["setns", "unshare", "capget"], ["EPERM"]),
    (["clone", "clone3"], ["EAGAIN"]),
    (["fcntl", "dup", "pidfd_open", "socket"], ["EMFILE"]),
    (["newfstatat", "fstat", "statfs", "fstatfs", "getdents64"], ["EIO"]),
    (["renameat", "unlinkat", "mkdir", "linkat", "ftruncate", "fsync"], ["EROFS"]),
    (["sched_getaffinity", "sysinfo", "uname", "lseek", "close"], ["EINVAL"]),
  ]
  /// A program's first call of its own, with which kiter's `main` begins: what comes before it is the
  /// dynamic linker's and Swift's.
  private static let first = "rt_sigaction(SIGPIPE"
  /// Most calls of one name that are made to fail: the first ones of them, and the last ones. Unless
  /// KITER_FAULTS=all, which takes a quarter of an hour.
  private static let most =
    ProcessInfo.processInfo.environment["KITER_FAULTS"] == "all" ? Int.max : 12

  /// All that can fail in a run.
  static func all(in trace: String) -> [Self] {
    let names = trace.split(separator: "\n").map { line in
      // Each line begins with a thread's number.
      line.drop { !$0.isWhitespace }.drop { $0.isWhitespace }
    }
    let main = names.firstIndex { $0.hasPrefix(first) } ?? 0
    return errors.flatMap { calls, errors in
      calls.flatMap { call -> [Self] in
        let places = names.indices.filter { names[$0].hasPrefix("\(call)(") }
        let numbers = places.indices.filter { places[$0] > main }.map { $0 + 1 }
        let chosen =
          numbers.count <= most ? numbers : numbers.prefix(most / 2) + numbers.suffix(most / 2)
        return chosen.flatMap { number in
          errors.map { Self(call: call, number: number, error: $0) }
        }
      }
    }
  }

  /// Runs a command line with this call failing.
  func run(_ command: [String]) throws -> Command.Output {
    try Self.trace(
      ["-e", "trace=\(call)", "-e", "inject=\(call):error=\(error):when=\(number)"], command
    ).output
  }

  /// Runs a command line, and answers what calls it makes, too.
  static func trace(_ options: [String], _ command: [String]) throws
    -> (output: Command.Output, calls: String)
  {
    let file = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    let output = try Command.run(["strace", "-f", "-qq", "-o", file] + options + command)
    return (output, try String(contentsOfFile: file, encoding: .utf8))
  }
}
