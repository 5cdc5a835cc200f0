import Foundation
import Testing

/// Colors and the pager, in a terminal and outside of one.
@Suite(.kernel) struct ColorTests {
  /// What a command writes to a terminal of 80 columns.
  private func shown(_ command: String, environment: [String] = []) throws -> String {
    let variables = ["TERM=xterm"] + environment
    let line = "stty cols 80; env \(variables.joined(separator: " ")) \(command)"
    return try Command.run(["env", "-u", "NO_COLOR", "script", "-qec", line, "/dev/null"]).text
  }

  private let table = "\((try? Kiter.executable()) ?? "kiter") tasks --limit 3"

  @Test func colorsAreForTerminals() throws {
    #expect(try shown(table).contains("\u{1b}[36m"))
    #expect(try !shown(table, environment: ["NO_COLOR=1"]).contains("\u{1b}"))
    #expect(try !shown(table + " --color never").contains("\u{1b}"))
    #expect(try !Kiter.run(["tasks", "--limit", "3"]).text.contains("\u{1b}"))
    #expect(try Kiter.run(["tasks", "--limit", "3", "--color=always"]).text.contains("\u{1b}[36m"))
    #expect(try !Kiter.run(["tasks", "-o", "jsonl", "--color=always"]).text.contains("\u{1b}"))
  }

  @Test func thePagerGetsTheRows() throws {
    let paged = try shown(table + " --pager", environment: ["'PAGER=sed s/^/page:/'"])
    #expect(paged.split(separator: "\r\n").allSatisfy { $0.hasPrefix("page:") }, "\(paged)")
    #expect(paged.contains("\u{1b}[36m"))
    let piped = try Command.run(
      ["env", "PAGER=false", "sh", "-c", table + " --pager"])
    #expect(piped.status == 0 && piped.text.contains("PID"))
  }

  @Test func whatHasNoRoomIsNamed() throws {
    let all = try shown(table + " -c all 2>&1")
    #expect(all.contains("no room for") && all.contains("more; choose with --columns"), "\(all)")
    #expect(all.contains("CMDLINE") && !all.contains("CGROUP"))
    #expect(try !shown(table + " 2>&1").contains("no room"))
  }
}
