import Glibc

/// One run of a command.
struct Run {
  /// From before posix_spawn(3) until wait4(2) has returned.
  let nanoseconds: UInt64
  /// The most memory that was resident at once. Never less than the peak of this process, which
  /// the kernel hands on to what it starts.
  let peakKiB: Int
}

/// A program and its arguments.
struct Command: Sendable {
  /// Exit statuses that mean success.
  var accepted: [Int32] = [0]
  let arguments: [String]

  init(_ arguments: [String]) { self.arguments = arguments }

  /// The environment of all commands: what they print must not depend on who runs the benchmark.
  static let environment = ["PATH=\(path)", "LC_ALL=C.UTF-8", "HOME=/"]
  private static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// Where the program is; nil if this machine does not have it.
  static func find(_ name: String) -> String? {
    path.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// Runs the command once with its output going to /dev/null.
  ///
  /// - Throws: if it cannot be started, or fails.
  func time() throws -> Run {
    let start = nanoseconds()
    let pid = try self.start(output: nil)
    return try wait(for: pid, since: start)
  }

  /// Runs the command and hands its output over piece by piece.
  ///
  /// - Throws: if it cannot be started, or fails.
  func read(_ body: (UnsafeRawBufferPointer) -> Void) throws {
    let output = try makePipe()
    let pid = try start(output: output.write)
    close(output.write)
    readPieces(of: output.read, body)
    close(output.read)
    _ = try wait(for: pid, since: 0)
  }

  /// What the command prints; nil if it cannot be started or fails.
  func output() -> String? {
    var bytes: [UInt8] = []
    do { try read { bytes.append(contentsOf: $0) } } catch { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Starts the command.
  ///
  /// - Parameters:
  ///   - input: its standard input; nil for /dev/null.
  ///   - output: its standard output; nil for /dev/null.
  ///   - ownGroup: is it to be out of reach of signals to this process's group?
  /// - Returns: its process id.
  /// - Throws: if it cannot be started.
  func start(input: Int32? = nil, output: Int32?, ownGroup: Bool = false) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    // SAFETY: both are initialised here and destroyed when the child has been started.
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    for (number, descriptor) in [(STDIN_FILENO, input), (STDOUT_FILENO, output)] {
      if let descriptor {
        posix_spawn_file_actions_adddup2(&actions, descriptor, number)
      } else {
        posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
      }
    }
    // What a peer complains of is no part of this run's report.
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_RDWR, 0)
    if ownGroup { posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP)) }
    var pid: pid_t = 0
    // SAFETY: the lists of strings end with nil and outlive the call.
    let result = withCStrings(arguments) { list in
      withCStrings(Self.environment) {
        posix_spawnp(&pid, arguments[0], &actions, &attributes, list, $0)
      }
    }
    // SAFETY: strerror returns a NUL-terminated string, copied at once.
    guard result == 0 else {
      throw BenchError("\(arguments[0]): \(String(cString: strerror(result)))")
    }
    return pid
  }

  private func wait(for pid: pid_t, since start: UInt64) throws -> Run {
    var status: Int32 = 0
    var usage = rusage()
    // SAFETY: wait4 stores one number and fills one structure.
    while linuxWait(pid, &status, 0, &usage) < 0 {
      guard errno == EINTR else { throw BenchError("wait4 failed for \(arguments[0])") }
    }
    let end = nanoseconds()
    guard status & 0x7f == 0, accepted.contains(status >> 8 & 0xff) else {
      let shown = arguments.prefix(12).joined(separator: " ")
      throw BenchError("`\(shown)` failed with wait status \(status)")
    }
    return Run(nanoseconds: end - start, peakKiB: Int(usage.ru_maxrss))
  }
}

/// Calls `body` with the strings as C has them: an array of pointers that ends with nil.
private func withCStrings<Result>(
  _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
  // SAFETY: each copy is freed after the call, in which it does not change.
  let copies = strings.map { strdup($0) }
  defer { for copy in copies { free(copy) } }
  return body(copies + [nil])
}
