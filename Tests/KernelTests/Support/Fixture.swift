import Foundation
import Glibc

/// A process in a known state, which lasts as long as this object.
final class Fixture {
  /// The fixture ended, or said nothing in time.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// What the process said about its state.
  let facts: Facts
  /// The process id that the fixture reported.
  let pid: Int32
  private let process: Subprocess
  /// Where it is; they are removed after its end.
  private let cgroups: [ControlGroup]

  /// Starts `kiter-fixture` with the name of a state and its arguments, and waits for the state.
  ///
  /// It is in the cgroups before it does anything.
  convenience init(
    _ arguments: String..., in cgroups: [ControlGroup] = [], timeout: Duration = .seconds(30)
  ) throws {
    try self.init(arguments, in: cgroups, timeout: timeout)
  }

  /// The same.
  init(_ arguments: [String], in cgroups: [ControlGroup] = [], timeout: Duration = .seconds(30))
    throws
  {
    self.cgroups = cgroups
    let enter = cgroups.map { "echo $$ >'\($0.directory)/cgroup.procs' && " }.joined()
    let shell = cgroups.isEmpty ? [] : ["sh", "-c", enter + "exec \"$@\"", "sh"]
    process = try Subprocess(shell + [try Self.executable()] + arguments)
    let line = try Self.firstLine(of: process, arguments, deadline: .now + timeout)
    facts = try JSONDecoder().decode(Facts.self, from: line)
    pid = Int32(try facts["pid"].int)
  }

  deinit { stop() }

  /// Lets the process clean up and end; kills it if it does not.
  @discardableResult
  func stop(timeout: Duration = .seconds(20)) -> Ending {
    process.closeInput()
    if let ending = process.wait(timeout: timeout) { return ending }
    process.kill()
    return .signalled(SIGKILL)
  }

  /// The fixture lies beside the tests in the build directory.
  static func executable() throws -> String {
    let tests = URL(
      filePath: try FileManager.default.destinationOfSymbolicLink(
        atPath: "/proc/self/exe"))
    let path = tests.deletingLastPathComponent().appending(path: "kiter-fixture").path
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw Failure(description: "no \(path); build the target kiter-fixture")
    }
    return path
  }

  private static func firstLine(
    of process: Subprocess, _ arguments: [String], deadline: ContinuousClock.Instant
  ) throws -> Data {
    var line = Data()
    var buffer = [UInt8](repeating: 0, count: 65536)
    while line.last != UInt8(ascii: "\n") {
      guard waitForInput(process.output, deadline) else {
        throw Failure(description: "kiter-fixture \(arguments) said nothing in time")
      }
      // SAFETY: read is given the size of the buffer.
      let count = read(process.output, &buffer, buffer.count)
      guard count > 0 else { throw failure(of: process, arguments) }
      line.append(contentsOf: buffer.prefix(count))
    }
    return line
  }

  private static func failure(of process: Subprocess, _ arguments: [String]) -> Failure {
    var buffer = [UInt8](repeating: 0, count: 4096)
    process.closeInput()
    let ending = process.wait(timeout: .seconds(5))
    // SAFETY: read is given the size of the buffer.
    let count = waitForInput(process.error, .now) ? read(process.error, &buffer, buffer.count) : 0
    let message = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    return Failure(
      description: "kiter-fixture \(arguments) ended (\(ending.map { "\($0)" } ?? "?")): \(message)"
    )
  }
}

/// True as soon as there is something to read, or the end; false when the time is up.
func waitForInput(_ descriptor: Int32, _ deadline: ContinuousClock.Instant) -> Bool {
  var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
  // SAFETY: one structure is passed and the count says so.
  while poll(&event, 1, milliseconds(until: deadline)) < 0 && errno == EINTR {}
  return event.revents != 0
}
