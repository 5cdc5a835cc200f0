import Foundation
import Testing

/// Wrong arguments, and outputs that cannot take what is written.
@Suite(.kernel) struct BadInputTests {
  @Test(arguments: [
    (["tasks", "--columns", "pid,rss_byte"], 64, "did you mean \"rss_bytes\""),
    (["tasks", "--columns", "zzzzzz"], 64, "no column \"zzzzzz\""),
    (["tasks", "--columns", "-cmdlin"], 64, "did you mean \"cmdline\""),
    (["tasks", "--columns", "-pid,-comm,all"], 64, "no column \"all\""),
    (["tasks", "--pid", "abc"], 64, "invalid for '--pid"),
    (["tasks", "--pid", "-1"], 64, "--pid"),
    (["tasks", "--pid", "4294967296"], 64, "invalid for '--pid"),
    (["tasks", "--limit", "-3"], 64, "--limit"),
    (["sockets", "--port", "65536"], 64, "--port takes a number from 0 to 65535"),
    (["sockets", "--pid", "1"], 64, "--pid"),
    (["files", "--path", "/no/such/file"], 1, "/no/such/file: No such file or directory"),
    (["tasks", "--output", "xml"], 64, "'--output"),
    (["tasks", "--json", "--output", "csv"], 64, "exclude each other"),
    (["tasks", "--colums", "pid"], 64, "--columns"),
    (["tusks"], 64, "tusks"),
    (["schema", "tusks"], 64, "there is no table"),
    (["tasks", "--pid", "4294967295"], 1, "there is no process 4294967295"),
    (["tasks", "--tid", "4294967295"], 1, "there is no thread 4294967295"),
  ])
  func isNamedWithWhatToDo(arguments: [String], status: Int32, message: String) throws {
    let output = try Kiter.run(arguments)
    #expect(output.status == status)
    #expect(output.stderr.contains(message), "\(output.stderr)")
    #expect(output.stdout.isEmpty)
  }

  @Test func oneOfTwoProcessesIsMissing() throws {
    let fixture = try Fixture("sleep")
    let output = try Kiter.run([
      "tasks", "--pid", "\(fixture.pid)", "--pid", "4294967295", "-c", "pid", "-o", "csv",
    ])
    #expect(output.text == "pid\n\(fixture.pid)\n")
    #expect(output.stderr.contains("there is no process 4294967295"))
    #expect(output.status == 1)
  }

  @Test func aProcessNamedTwiceIsShownOnce() throws {
    let fixture = try Fixture("sleep")
    let pid = "\(fixture.pid)"
    #expect(try Kiter.rows("tasks", "--pid", pid, "--pid", pid, "-c", "pid").count == 1)
  }

  @Test func aThreadIsNoProcess() throws {
    let fixture = try Fixture("threads", "2")
    let tids = try fixture.facts["threads"].array.map { try $0["tid"].int }
    let tid = try #require(tids.first { $0 != Int(fixture.pid) })
    let output = try Kiter.run(["tasks", "--pid", "\(tid)"])
    #expect(output.status == 1)
    #expect(output.stderr.contains("use --tid \(tid)"))
  }

  @Test func aReaderThatGoesAwayIsNoError() throws {
    let script =
      "\(try Kiter.executable()) tasks --threads -c all | head -n 1; echo ${PIPESTATUS[0]}"
    let output = try Command.run(["bash", "-c", script])
    #expect(output.stderr.isEmpty, "\(output.stderr)")
    #expect(output.text.hasSuffix("\n0\n"))
  }

  @Test func aFullDiskIsAnError() throws {
    let script = "exec \(try Kiter.executable()) tasks >/dev/full"
    let output = try Command.run(["sh", "-c", script])
    #expect(output.status == 1)
    #expect(output.stderr.contains("No space left on device"))
  }

  @Test func aClosedOutputIsAnError() throws {
    let output = try Command.run(["sh", "-c", "exec \(try Kiter.executable()) tasks >&-"])
    #expect(output.status == 1)
    #expect(output.stderr.contains("writing the output failed"))
  }

  @Test func theLimitEndsTheRows() throws {
    let rows = try Kiter.rows("tasks", "--limit", "3", "-c", "pid")
    #expect(rows.count == 3)
    #expect(try Kiter.run(["tasks", "--limit", "0", "--json"]).text == "[\n]\n")
  }
}
