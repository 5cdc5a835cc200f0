import Foundation
import Testing

/// A real terminal with a shell in it: tmux draws what a program sends, and says what one would see.
final class TmuxTerminal {
  private let socket = "kiter-\(UUID())"

  /// Opens a terminal of a size.
  init(columns: Int, rows: Int) throws {
    // A shell that reads no one's settings, and a prompt that is known.
    try tmux(
      "-f", "/dev/null", "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)",
      "env PS1='$ ' ENV= sh")
    try wait("the prompt") { $0.first?.hasPrefix("$") ?? false }
  }

  deinit { _ = try? tmux("kill-server") }

  /// What stands in each line, without the spaces at its end.
  var lines: [String] {
    get throws {
      try tmux("capture-pane", "-p").split(separator: "\n", omittingEmptySubsequences: false)
        .dropLast().map { line in
          String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
  }

  /// Is the alternate screen shown?
  var isAlternate: Bool { get throws { try format("#{alternate_on}") == "1" } }

  /// Is the cursor shown?
  var hasCursor: Bool { get throws { try format("#{cursor_flag}") == "1" } }

  /// Do long lines wrap?
  var wraps: Bool { get throws { try format("#{wrap_flag}") == "1" } }

  /// Types text as it is.
  func type(_ text: String) throws { try tmux("send-keys", "-l", "--", text) }

  /// Presses keys by tmux's names.
  func press(_ keys: String...) throws {
    try Self.run(socket, ["send-keys"] + keys)
  }

  /// Gives the terminal another size.
  func resize(columns: Int, rows: Int) throws {
    try tmux("resize-window", "-x", "\(columns)", "-y", "\(rows)")
  }

  /// Waits until the screen is as it must be.
  func wait(
    _ what: String, timeout: Duration = .seconds(30), until isSo: ([String]) throws -> Bool
  ) throws {
    let deadline = ContinuousClock.now + timeout
    while try !isSo(lines) {
      guard ContinuousClock.now < deadline else {
        throw Fixture.Failure(
          description: "\(what) did not come; there is:\n\(try lines.joined(separator: "\n"))")
      }
      usleep(20_000)
    }
  }

  private func format(_ text: String) throws -> String {
    try tmux("display-message", "-p", text).trimmingCharacters(in: .newlines)
  }

  @discardableResult
  private func tmux(_ arguments: String...) throws -> String {
    try Self.run(socket, arguments)
  }

  @discardableResult
  private static func run(_ socket: String, _ arguments: [String]) throws -> String {
    let output = try Command.run(["tmux", "-u", "-L", socket] + arguments)
    guard output.status == 0 else {
      throw Fixture.Failure(description: "tmux \(arguments): \(output.stderr)")
    }
    return output.text
  }
}

extension TmuxTerminal {
  /// A terminal in which kiter draws; the shell in it has said `before`.
  convenience init(watching arguments: String, columns: Int = 100, rows: Int = 12) throws {
    try self.init(columns: columns, rows: rows)
    try type("clear; echo before; \(Kiter.executable()) \(arguments)")
    try press("Enter")
    try wait("the first draw") { lines in
      try isAlternate && lines.last?.hasPrefix("q quit") ?? false
    }
  }

  /// Checks that the terminal is as it was, and that kiter ended with this status.
  func expectRestored(status: Int) throws {
    try wait("the shell") { lines in
      try !isAlternate && lines.contains("before") && lines.contains("$")
    }
    try type("echo \"ended $?.\"")
    try press("Enter")
    try wait("the status") { $0.contains("ended \(status).") }
    #expect(try !lines.contains { $0.contains("q quit") })
    #expect(try hasCursor)
    #expect(try wraps)
    try type("clear; stty -a")
    try press("Enter")
    try wait("the settings") { $0.joined().contains("-echoprt") }
    let settings = try lines.joined(separator: " ").split(separator: " ")
    for flag in ["icanon", "echo", "iexten", "isig"] {
      #expect(settings.contains { $0 == flag }, "\(flag): \(settings)")
    }
  }
}
