import Foundation
import Glibc
import Testing

/// `--watch` in a real terminal, which tmux is.
@Suite(.kernel) struct WatchScreenTests {
  @Test func aNewProcessAppearsAndGoesAgain() throws {
    let terminal = try TmuxTerminal(
      watching: "tasks --watch=0.2 --where 'ppid = \(getpid())' -c pid,comm,ppid")
    let sleeper = try Subprocess(["sleep", "1000"])
    try terminal.wait("the new process") { lines in
      lines.contains { $0.split(separator: " ") == ["\(sleeper.pid)", "sleep", "\(getpid())"] }
    }
    sleeper.kill()
    try terminal.wait("its end") { lines in !lines.contains { $0.contains("\(sleeper.pid)") } }
    try terminal.press("q")
    try terminal.expectRestored(status: 0)
  }

  @Test func whatHasChangedIsMarked() throws {
    let terminal = try TmuxTerminal(
      watching: "tasks --watch=0.2 --delta --where 'ppid = \(getpid())' -c pid,comm,utime_ns")
    #expect(try terminal.lines[1].contains("UTIME/s"))
    let sleeper = try Subprocess(["sleep", "1000"])
    func row(_ mark: String) -> ([String]) -> Bool {
      { lines in lines.contains { $0.hasPrefix(mark) && $0.contains(" \(sleeper.pid) ") } }
    }
    try terminal.wait("a mark for what is new", until: row("+ "))
    try terminal.wait("no mark for what stays", until: row("  "))
    sleeper.kill()
    try terminal.wait("a mark for what is gone", until: row("- "))
    try terminal.wait("nothing") { lines in !lines.contains { $0.contains(" \(sleeper.pid) ") } }
  }

  @Test func fitsTheTerminalWhenThatChanges() throws {
    let many = try Fixture("many", "30")
    let terminal = try TmuxTerminal(
      watching: "tasks --watch=30 --where 'ppid = \(many.pid)' -c pid,ppid,user,state,cmdline,comm")
    func expectFull(_ columns: Int, _ rows: Int) throws {
      try terminal.resize(columns: columns, rows: rows)
      // Before the next look: the change of size draws.
      try terminal.wait("\(columns) x \(rows)") { lines in
        lines.count == rows && lines[0].hasPrefix("tasks: 30 rows")
          && lines[1].contains("PID")
          && lines[2..<rows - 1].allSatisfy { $0.contains("\(many.pid)") }
          && lines[rows - 1].hasPrefix("q quit") && lines.allSatisfy { $0.count <= columns }
      }
    }
    try expectFull(40, 10)
    #expect(try terminal.lines[0].hasSuffix("…"))
    try expectFull(120, 20)
    try expectFull(60, 5)
  }

  @Test(arguments: [("C-c", SIGINT), ("C-\\", SIGQUIT)])
  func aKeyThatInterruptsPutsTheTerminalBack(key: String, signal: Int32) throws {
    let terminal = try TmuxTerminal(watching: "tasks --watch=30 -c pid,comm --limit 5")
    try terminal.press(key)
    try terminal.expectRestored(status: 128 + Int(signal))
  }

  @Test(arguments: [SIGTERM, SIGHUP, SIGINT])
  func aSignalPutsTheTerminalBack(signal: Int32) throws {
    let terminal = try TmuxTerminal(
      watching: "tasks --watch=30 -c pid,comm --where \"comm = 'kiter'\"")
    let pids = try ProcFiles.numbers(in: "/proc").filter { pid in
      let line = try? ProcFiles.text("/proc/\(pid)/cmdline")
      return line?.contains("--where\0comm = 'kiter'\0") ?? false
    }
    #expect(pids.count == 1)
    for pid in pids { kill(pid, signal) }
    try terminal.expectRestored(status: 128 + Int(signal))
  }

  @Test func anErrorPutsTheTerminalBack() throws {
    // A column that does not exist is found before anything is drawn.
    let terminal = try TmuxTerminal(columns: 100, rows: 12)
    try terminal.type("clear; echo before; \(Kiter.executable()) tasks --watch -w nonsense")
    try terminal.press("Enter")
    try terminal.wait("the error") { $0.contains { $0.contains("no such column: nonsense") } }
    try terminal.expectRestored(status: 64)
  }

  @Test func stopsAndGoesOn() throws {
    let terminal = try TmuxTerminal(watching: "tasks --watch=30 -c pid,comm --limit 5")
    try terminal.press("C-z")
    try terminal.wait("the shell") { $0.contains("before") }
    #expect(try !terminal.isAlternate)
    #expect(try terminal.hasCursor)
    try terminal.type("fg")
    try terminal.press("Enter")
    try terminal.wait("the table again") { $0.last?.hasPrefix("q quit") ?? false }
    #expect(try terminal.isAlternate)
    try terminal.press("q")
    try terminal.expectRestored(status: 0)
  }

  @Test func keysSortReverseScrollAndFilter() throws {
    let many = try Fixture("many", "40")
    let own = "ppid = \(many.pid)"
    let terminal = try TmuxTerminal(watching: "tasks --watch=0.5 --where '\(own)' -c pid,comm")
    let pids = try many.facts["pids"].array.map { try $0.int }.sorted()
    /// The pids on the screen, and then another key.
    func wait(_ what: String, _ expected: [Int]) throws {
      try terminal.wait(what) { lines in
        lines.dropFirst(2).dropLast().compactMap { line in
          line.split(separator: " ").first.flatMap { Int($0) }
        } == expected
      }
    }
    let page = 9
    try wait("the kernel's order", Array(pids.prefix(page)))
    try terminal.press("Down", "Down")
    try wait("two rows further", Array(pids[2..<2 + page]))
    try terminal.press("End")
    try wait("the last rows", Array(pids.suffix(page)))
    try terminal.press("Home", "s", "r")
    try wait("the greatest first", Array(pids.reversed().prefix(page)))
    #expect(try terminal.lines[0].contains("by pid:desc"))
    try terminal.type("/")
    try terminal.wait("the prompt") { $0.last == "/" + own }
    try terminal.type(" AND pid < \(pids[3])")
    try terminal.press("Enter")
    try wait("only three", [pids[2], pids[1], pids[0]])
    try terminal.type("/ AND nonsense > 1")
    try terminal.press("Enter")
    try terminal.wait("what is wrong") { $0.last?.contains("no such column: nonsense") ?? false }
    try wait("what was there", [pids[2], pids[1], pids[0]])
    try terminal.press("Right")
    try terminal.wait("the second column first") { $0[1] == "COMM" }
    try terminal.press("q")
    try terminal.expectRestored(status: 0)
  }

  @Test func aTerminalThatCannotBeDrawnOnIsRefused() throws {
    let terminal = try TmuxTerminal(columns: 120, rows: 12)
    try terminal.type(
      "clear; TERM=dumb \(Kiter.executable()) tasks --watch; echo \"ended $?.\"")
    try terminal.press("Enter")
    try terminal.wait("the refusal") { $0.contains("ended 64.") }
    #expect(try terminal.lines.joined().contains("(TERM=dumb); use --output jsonl"))
  }
}
