import Foundation
import Testing

/// The shell of `kiter sql`, typed into a real terminal, which tmux is.
@Suite(.kernel) struct SQLShellTests {
  private func shell(_ options: String = "") throws -> TmuxTerminal {
    let terminal = try TmuxTerminal(columns: 100, rows: 20)
    try terminal.type("clear; \(Kiter.executable()) sql \(options)")
    try terminal.press("Enter")
    try terminal.wait("the prompt") { $0.last { !$0.isEmpty } == "kiter>" }
    return terminal
  }

  private func expectAnswer(_ values: String..., in terminal: TmuxTerminal) throws {
    try terminal.wait("the answer and a prompt") { lines in
      let shown = lines.filter { !$0.isEmpty }
      return shown.last == "kiter>"
        && shown.dropLast().last?.split(separator: " ").map(String.init) == values
    }
  }

  @Test func linesAreEditedCompletedAndRecalled() throws {
    let terminal = try shell()
    try terminal.type("SELECT 40 + 1")
    // Before the 4, then at the end again.
    try terminal.press("C-a", "M-f", "Right")
    try terminal.type("2 * 100 + ")
    try terminal.press("C-e")
    try terminal.type(" AS answer; ")
    try terminal.press("Enter")
    try expectAnswer("241", in: terminal)
    try terminal.press("Up", "BSpace", "BSpace")
    try terminal.type(", ppi")
    try terminal.press("Tab")
    try terminal.type("FROM task")
    try terminal.press("Tab", "Enter")
    try terminal.type("WHERE pid = \(getpid()) ; ")
    try terminal.press("Enter")
    try expectAnswer("241", "\(getppid())", in: terminal)
    try terminal.press("C-d")
    try terminal.wait("the shell") { $0.last { !$0.isEmpty } == "$" }
  }

  @Test func historyIsKeptOnlyWhereAFileIsNamed() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    for options in ["", "--history \(path)"] {
      #expect(!FileManager.default.fileExists(atPath: path))
      let terminal = try shell(options)
      try terminal.type("SELECT 6 * 7 AS answer; ")
      try terminal.press("Enter")
      try expectAnswer("42", in: terminal)
      try terminal.type(".quit")
      try terminal.press("Enter")
      try terminal.wait("the shell") { $0.last { !$0.isEmpty } == "$" }
    }
    let terminal = try shell("--history \(path)")
    try terminal.press("Up", "Up", "Enter")
    try expectAnswer("42", in: terminal)
    // What was asked of a host is not for everyone.
    #expect(
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
  }
}
