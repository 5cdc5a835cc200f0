import Foundation
import Testing

/// A process whose memory is locked for long (its mmap_lock is held for writing).
@Suite(.kernel(.alone), .serialized) struct StallTests {
  /// Long enough that a reader that waits is found by its timeout.
  private static let long = "300"

  @Test(arguments: [
    ["tasks", "--columns", "-cmdline"], ["files"], ["sockets"], ["maps"],
  ])
  func whatNeedsNoMemoryDoesNotWait(arguments: [String]) throws {
    let fixture = try Fixture("hold-mmap-lock", Self.long)
    let output = try Kiter.run(arguments, timeout: .seconds(60))
    #expect(output.status == 0, "\(output.stderr)")
    #expect(!output.stderr.contains("waiting"))
    withExtendedLifetime(fixture) {}
  }

  @Test func aColumnThatMustWaitNamesTheProcess() throws {
    let fixture = try Fixture("hold-mmap-lock", "5")
    let victim = try fixture.facts["victim_pid"].int
    let output = try Kiter.run(["tasks", "--columns", "pid,cmdline", "-o", "csv"])
    #expect(output.status == 0)
    #expect(
      output.stderr.hasPrefix(
        "kiter: tasks: waiting for process \(victim), whose memory is locked; "
          + "leave out what needs it: --columns -cmdline\n"), "\(output.stderr)")
    #expect(output.text.contains("\n\(victim),"))
  }

  @Test func aWalkThatMustWaitNamesTheProcess() throws {
    let fixture = try Fixture("hold-mmap-lock", "5")
    let victim = try fixture.facts["victim_pid"].int
    for scope in [[], ["--pid", "\(victim)"]] {
      let output = try Kiter.run(["vmas", "-c", "pid,start", "-o", "csv"] + scope)
      #expect(output.status == 0)
      #expect(
        output.stderr.contains(
          "kiter: vmas: waiting for process \(victim), whose memory is locked; "
            + "name the processes to look at with --pid")
          || (!scope.isEmpty && output.stderr.isEmpty), "\(output.stderr)")
      #expect(output.text.contains("\n\(victim),"))
    }
  }

  @Test func aScreenThatMustWaitSaysSoAndCanBeLeft() throws {
    let terminal = try TmuxTerminal(watching: "tasks --watch=0.2 -c pid,cmdline", columns: 120)
    let fixture = try Fixture("hold-mmap-lock", Self.long)
    let victim = try fixture.facts["victim_pid"].int
    try terminal.wait("the reason") {
      $0.last?.hasPrefix("tasks: waiting for process \(victim), whose memory is locked") ?? false
    }
    // The reader sleeps in the kernel, and runs no handler.
    try terminal.press("C-c")
    try terminal.expectRestored(status: 130)
    withExtendedLifetime(fixture) {}
  }
}
