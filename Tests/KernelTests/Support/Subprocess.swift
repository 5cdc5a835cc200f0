import Foundation
import Glibc

// Not in Swift's `Glibc` module: one is variadic, the others are declared for _GNU_SOURCE.
@_silgen_name("syscall") private func linuxCall(_ number: Int, _ a: Int, _ b: Int) -> Int
@_silgen_name("pipe2") private func linuxPipe(
  _ ends: UnsafeMutablePointer<Int32>, _ flags: Int32
) -> Int32

@_silgen_name("posix_spawn_file_actions_addclosefrom_np") private func closeFrom(
  _ actions: UnsafeMutablePointer<posix_spawn_file_actions_t>, _ first: Int32
) -> Int32

/// A system call that failed.
struct SystemCallError: Error, CustomStringConvertible {
  let call: String
  let code: Int32

  // SAFETY: strerror returns a NUL-terminated string, which is copied at once.
  var description: String { "\(call): \(String(cString: strerror(code)))" }
}

/// How a process ended.
enum Ending: Equatable, Sendable {
  case exited(Int32)
  case signalled(Int32)

  /// The number that a shell shows: a signal counts from 128.
  var status: Int32 {
    switch self {
    case .exited(let status): status
    case .signalled(let signal): 128 + signal
    }
  }
}

/// A child process with pipes for its three standard descriptors.
///
/// Not Foundation's `Process`: here every pipe is closed on exec from the start, so that a child
/// started by another test at the same time does not hold a pipe of this one open.
final class Subprocess {
  let pid: pid_t
  let output: Int32
  let error: Int32
  private var input: Int32
  private let pidfd: Int32
  private var ending: Ending?

  /// Starts a program, found by PATH if it has no slash, with no signal blocked or ignored.
  init(_ arguments: [String], environment: [String: String]? = nil) throws {
    _ = Self.brokenPipesAreErrors
    let (childInput, ownInput) = try Self.pipe()
    let (ownOutput, childOutput) = try Self.pipe()
    let (ownError, childError) = try Self.pipe()
    defer { for descriptor in [childInput, childOutput, childError] { close(descriptor) } }
    (input, output, error) = (ownInput, ownOutput, ownError)
    pid = try Self.spawn(arguments, environment, [childInput, childOutput, childError])
    let pidfdOpen = 434
    pidfd = Int32(linuxCall(pidfdOpen, Int(pid), 0))
  }

  deinit {
    kill()
    closeInput()
    for descriptor in [output, error, pidfd] where descriptor >= 0 { close(descriptor) }
  }

  /// Sends what fits into the pipe; answers how many bytes, or nil when the child reads no more.
  func send(_ bytes: some DataProtocol) -> Int? {
    // SAFETY: write is given the buffer and its length.
    let count = Array(bytes).withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
    return count >= 0 ? count : errno == EAGAIN || errno == EINTR ? 0 : nil
  }

  /// The descriptor to send through, or -1 after `closeInput`.
  var inputDescriptor: Int32 { input }

  /// Tells the child that there is no more input.
  func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  /// Waits for the end of the process; nil if it still runs when the time is up.
  func wait(timeout: Duration) -> Ending? {
    if let ending { return ending }
    var event = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
    let deadline = ContinuousClock.now + timeout
    // SAFETY: one structure is passed and the count says so.
    while poll(&event, 1, milliseconds(until: deadline)) < 0 && errno == EINTR {}
    guard event.revents != 0 else { return nil }
    return collect()
  }

  /// Ends the process if it still runs, and collects it.
  func kill() {
    guard ending == nil else { return }
    Glibc.kill(pid, SIGKILL)
    _ = collect()
  }

  private func collect() -> Ending? {
    var status: Int32 = 0
    // SAFETY: waitpid stores one number.
    while waitpid(pid, &status, 0) < 0 { guard errno == EINTR else { return nil } }
    let signal = status & 0x7f
    ending = signal == 0 ? .exited(status >> 8 & 0xff) : .signalled(signal)
    return ending
  }
}

extension Subprocess {
  /// A child that ends before it has read its input must not end the tests with SIGPIPE.
  private static let brokenPipesAreErrors: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

  private static func pipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    // SAFETY: pipe2 writes two descriptors into an array of two.
    guard linuxPipe(&ends, O_CLOEXEC) == 0 else {
      throw SystemCallError(call: "pipe2", code: errno)
    }
    return (ends[0], ends[1])
  }

  private static func spawn(
    _ arguments: [String], _ environment: [String: String]?, _ descriptors: [Int32]
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    // SAFETY: both are initialised here and destroyed when the child has been started.
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    for (number, descriptor) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
    }
    // A child must have no descriptors but these, whatever the tests are run by has left open.
    _ = closeFrom(&actions, 3)
    resetSignals(&attributes)
    let environment = environment ?? ProcessInfo.processInfo.environment
    var pid: pid_t = 0
    // SAFETY: the lists of strings end with nil and outlive the call.
    let result = withCStrings(arguments) { list in
      withCStrings(environment.map { "\($0)=\($1)" }) {
        posix_spawnp(&pid, arguments[0], &actions, &attributes, list, $0)
      }
    }
    guard result == 0 else { throw SystemCallError(call: "start \(arguments)", code: result) }
    return pid
  }

  /// What this process ignores or blocks is no business of the child.
  private static func resetSignals(_ attributes: inout posix_spawnattr_t) {
    var signals = sigset_t()
    // SAFETY: the set is local, initialised before use, and copied into the attributes.
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let flags = Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK)
    posix_spawnattr_setflags(&attributes, Int16(flags))
  }
}

/// The milliseconds that `poll` shall wait: rounded up, never negative.
func milliseconds(until deadline: ContinuousClock.Instant) -> Int32 {
  let left = deadline - .now
  return Int32(clamping: max(0, Int(left / .milliseconds(1)) + 1))
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
