import Foundation
import Testing

@Suite struct CommandTests {
  @Test func readsBothPipesWithoutDeadlock() throws {
    let script = "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; exit 3"
    let output = try Command.run(["sh", "-c", script])
    #expect(output.status == 3)
    #expect(output.stdout.count == 1_000_000)
    #expect(output.stderr.utf8.count == 1_000_000)
  }

  @Test func passesInputAndEnvironment() throws {
    let input = Data(repeating: 0x61, count: 500_000)
    let output = try Command.run(
      ["sh", "-c", "echo $GREETING; cat"], input: input,
      environment: ["GREETING": "hello", "PATH": "/usr/bin:/bin"])
    #expect(output.stdout == Data("hello\n".utf8) + input)
  }

  @Test func endsWhenTheProgramDoesNotReadItsInput() throws {
    let output = try Command.run(["true"], input: Data(repeating: 0, count: 1_000_000))
    #expect(output.ending == .exited(0))
  }

  @Test func killsWhatTakesTooLong() {
    #expect(throws: Command.TimedOut.self) {
      try Command.run(["sleep", "1000"], timeout: .milliseconds(50))
    }
  }
}

@Suite struct FixtureTests {
  @Test func unknownStateIsAnError() {
    #expect(throws: Fixture.Failure.self) { try Fixture("no-such-state") }
  }

  @Test func endsCleanlyAndRemovesItsFiles() throws {
    let fixture = try Fixture("files")
    let directory = try fixture.facts["directory"].string
    #expect(FileManager.default.fileExists(atPath: directory))
    #expect(fixture.stop() == .exited(0))
    #expect(!FileManager.default.fileExists(atPath: directory))
  }
}
