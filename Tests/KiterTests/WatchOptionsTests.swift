import ArgumentParser
import Testing

@testable import kiter

@Suite struct WatchOptionsTests {
  @Test(arguments: [
    ("--watch 2 --json", "--watch-every 2 --json"), ("--watch=0.5", "--watch-every 0.5"),
    ("--watch --json", "--watch --json"), ("--watch", "--watch"), ("--watch -2", "--watch -2"),
    ("--limit 2 --watch", "--limit 2 --watch"), ("--watch 2 3", "--watch-every 2 3"),
    ("--watch=", "--watch-every "),
  ])
  func theOptionWithAValueIsSpeltOut(words: String, expected: String) {
    let words = words.split(separator: " ").map { String($0) }
    #expect(WatchOptions.spellingOut(words).joined(separator: " ") == expected)
  }

  @Test(arguments: ["0.1", "1", "2.50", "86400"])
  func secondsAreTaken(text: String) throws {
    let command = try #require(FastArguments.command(["tasks", "--watch-every", text]))
    #expect(command.arguments.watch.interval == UInt64((Double(text) ?? 0) * 1e9))
    #expect(command.arguments.watch.isOn)
  }

  @Test(arguments: ["0", "0.05", "86401", "1e2", "inf", "nan", "0x2", "1.2.3", ".", "two"])
  func otherIntervalsAreRefused(text: String) {
    #expect(FastArguments.command(["tasks", "--watch-every", text]) == nil)
    #expect(throws: (any Error).self) {
      _ = try Kiter.parseAsRoot(["tasks", "--watch-every", text])
    }
  }

  @Test func whatDoesNotGoTogetherIsRefused() throws {
    func check(_ words: String...) throws {
      let command = try #require(FastArguments.command((["tasks"] + words)[...]))
      try command.arguments.watch.check(command.arguments.query, command.arguments.output)
    }
    try check("--watch", "-o", "jsonl", "--delta", "--sort", "pid", "--where", "pid > 1")
    try check("--json")
    #expect(throws: UsageError.self) { try check("--delta") }
    #expect(throws: UsageError.self) { try check("--watch", "--json") }
    #expect(throws: UsageError.self) { try check("--watch", "-o", "csv") }
    #expect(throws: UsageError.self) { try check("--watch", "--delta", "--count", "-o", "jsonl") }
  }
}
