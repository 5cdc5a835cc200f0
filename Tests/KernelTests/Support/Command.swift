import Foundation
import Glibc

/// Runs programs to their end.
enum Command {
  /// What a program left behind.
  struct Output {
    let ending: Ending
    let stdout: Data
    let stderr: String

    /// The exit status; 128 and more stand for a signal.
    var status: Int32 { ending.status }
    /// Standard output as text.
    var text: String { String(decoding: stdout, as: UTF8.self) }
  }

  /// The program did not end in time.
  struct TimedOut: Error, CustomStringConvertible {
    let arguments: [String]
    let stderr: String
    var description: String { "\(arguments) did not end in time; it said: \(stderr)" }
  }

  /// Runs a program with some input; it is killed when `timeout` has passed.
  ///
  /// `environment` replaces that of this process unless it is nil.
  static func run(
    _ arguments: [String], input: Data = Data(), environment: [String: String]? = nil,
    timeout: Duration = .seconds(60)
  ) throws -> Output {
    let process = try Subprocess(arguments, environment: environment)
    var conversation = Conversation(process, input, deadline: .now + timeout)
    conversation.run()
    let left = conversation.deadline - .now
    guard let ending = process.wait(timeout: max(left, .zero)) else {
      throw TimedOut(
        arguments: arguments, stderr: String(decoding: conversation.stderr, as: UTF8.self))
    }
    return Output(
      ending: ending, stdout: conversation.stdout,
      stderr: String(decoding: conversation.stderr, as: UTF8.self))
  }
}

/// Feeds and drains the three pipes of a process, whichever is ready, so that none can block.
private struct Conversation {
  private(set) var stdout = Data()
  private(set) var stderr = Data()
  let deadline: ContinuousClock.Instant
  private let process: Subprocess
  private var input: Data.SubSequence
  private var isOutputOpen = true
  private var isErrorOpen = true

  init(_ process: Subprocess, _ input: Data, deadline: ContinuousClock.Instant) {
    self.process = process
    self.input = input[...]
    self.deadline = deadline
    // A child that does not read must not stop the reading of what it writes.
    _ = fcntl(process.inputDescriptor, F_SETFL, O_NONBLOCK)
    if input.isEmpty { process.closeInput() }
  }

  mutating func run() {
    while isOutputOpen || isErrorOpen {
      // A negative descriptor makes poll pass over its entry.
      var events = [
        pollfd(fd: process.inputDescriptor, events: Int16(POLLOUT), revents: 0),
        pollfd(fd: isOutputOpen ? process.output : -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: isErrorOpen ? process.error : -1, events: Int16(POLLIN), revents: 0),
      ]
      // SAFETY: the array has the count that is passed.
      let ready = poll(&events, nfds_t(events.count), milliseconds(until: deadline))
      if ready == 0 { return }
      if events[0].revents != 0 { feed() }
      if events[1].revents != 0 { isOutputOpen = drain(process.output, into: &stdout) }
      if events[2].revents != 0 { isErrorOpen = drain(process.error, into: &stderr) }
    }
  }

  private mutating func feed() {
    guard let sent = process.send(input.prefix(4096)) else { return process.closeInput() }
    input = input.dropFirst(sent)
    if input.isEmpty { process.closeInput() }
  }
}

/// Reads what is there; false at the end.
private func drain(_ descriptor: Int32, into data: inout Data) -> Bool {
  var buffer = [UInt8](repeating: 0, count: 65536)
  // SAFETY: read is given the size of the buffer.
  let count = read(descriptor, &buffer, buffer.count)
  guard count > 0 else { return count < 0 && errno == EINTR }
  data.append(contentsOf: buffer.prefix(count))
  return true
}
