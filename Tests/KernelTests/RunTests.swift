import Foundation
import Testing

/// `kiter run`: an outsider's program and schema, built as outsiders build them.
@Suite(.kernel) struct RunTests {
  @Test func theExampleShowsWhatProcShows() throws {
    let fixture = try Fixture("sleep")
    let pid = "\(fixture.pid)"
    let change = try Command.run([
      "prlimit", "--pid", pid, "--nofile=77:99", "--stack=unlimited:unlimited",
    ])
    #expect(change.status == 0, "\(change.stderr)")
    let pair = try OutsidePair()
    let rows = try Kiter.rows(["run", pair.object, "--schema", pair.schema, "-c", "all"])
    var compared = 0
    for row in rows {
      let pid = try #require(row.number("pid"))
      // A process may have ended since.
      guard let limits = try? ProcTask(Int32(pid)).limits, let files = limits["Max open files"],
        let stack = limits["Max stack size"]
      else { continue }
      compared += 1
      #expect(row.number("files_soft").map { UInt64($0) } == files.soft, "\(pid)")
      #expect(row.number("files_hard").map { UInt64($0) } == files.hard, "\(pid)")
      #expect(row.number("stack_soft_bytes").map { UInt64($0) } == stack.soft, "\(pid)")
    }
    #expect(compared > 5)
    let own = try #require(rows.first { $0.number("pid") == Int64(fixture.pid) })
    #expect(own.number("files_soft") == 77 && own.number("files_hard") == 99)
    #expect(own.isNull("stack_soft_bytes"))
    // Derived by the same list as everybody's.
    #expect(own.text("user") == "root" && own.text("comm") == "kiter-fixture")
  }

  @Test func hasWhatAllTablesHave() throws {
    let fixture = try Fixture("sleep")
    let pid = "\(fixture.pid)"
    _ = try Command.run(["prlimit", "--pid", pid, "--nofile=66:88"])
    let pair = try OutsidePair()
    let csv = ["-c", "pid,files_soft", "-o", "csv", "--no-header"]
    for options in [
      ["--pid", pid], ["--where", "pid = \(pid)"], ["--tight", "--where", "files_hard = 88"],
      ["--uid", "0", "--where", "files_hard = 88"], ["--no-cache", "--pid", pid],
    ] {
      let output = try Kiter.run(["run", pair.object, "--schema", pair.schema] + options + csv)
      #expect(output.text == "\(pid),66\n", "\(options): \(output.stderr)")
    }
    let least = try pair.run("--sort", "files_soft", "--limit", "1", "-c", "pid", "-o", "csv")
    #expect(least.text == "pid\n\(pid)\n")
    let count = try pair.run("--count-by", "user", "-w", "pid = \(pid)", "-o", "jsonl")
    #expect(count.text == "{\"user\":\"root\",\"count\":1}\n")
    let table = try pair.run("--pid", pid, "-c", "pid,stack_soft_bytes,files_soft")
    #expect(table.text.contains("STACK_SOFT  FILES_SOFT\n"), "\(table.text)")
    let help = try pair.run("--help")
    #expect(help.text.contains("--tight") && help.text.contains("* files_hard"))
  }

  @Test func isATableOfStatements() throws {
    let fixture = try Fixture("sleep")
    let pair = try OutsidePair()
    let output = try Kiter.run([
      "sql", "--run", "\(pair.object):\(pair.schema)", "-o", "csv", "--no-header",
      "SELECT tasks.ppid, limits.comm FROM limits JOIN tasks USING (pid) "
        + "WHERE pid = \(fixture.pid)",
    ])
    #expect(output.text == "\(getpid()),kiter-fixture\n", "\(output.stderr)")
    try pair.rewrite("limits.json") {
      $0.replacingOccurrences(of: "\"name\": \"limits\",\n", with: "\"name\": \"tasks\",\n")
    }
    let twice = try Kiter.run(["sql", "--run", "\(pair.object):\(pair.schema)", "SELECT 1"])
    #expect(twice.status == 64)
    #expect(twice.stderr.contains("there is a table \"tasks\" already"))
  }

  @Test(arguments: [
    (
      "\"files_soft\", \"type\": \"u64\"", "\"files_soft\", \"type\": \"u32\"",
      "field \"files_soft\" is a u64 at offset 32, 8 bytes long in the object, "
        + "and a u32 at offset 32, 4 bytes long in the schema"
    ),
    (
      "\"pid\", \"type\": \"u32\"", "\"pid\", \"type\": \"s32\"",
      "field \"pid\" is a u32 at offset 24, 4 bytes long in the object, and a s32"
    ),
    (
      "\"name\": \"files_hard\"", "\"name\": \"files_most\"",
      "field \"files_most\" is not there in the object, and a u64 at offset 40, 8 bytes long"
    ),
    ("\"name\": \"tight\"", "\"name\": \"narrow\"", "[tight, match_uid]"),
    ("\"target\": \"task\"", "\"target\": \"task_file\"", "is of the iterator task in the object"),
    ("[{ \"name\": \"limits\"", "[{ \"name\": \"limit\"", "program \"limit\" is no iterator"),
    ("\"version\": 1", "\"version\": 2", "another layout"),
    ("\"kind\": \"uid\"", "\"kind\": \"user\"", "fields[1].kind: is one of"),
    ("{", "", "not valid JSON"),
  ])
  func aSchemaThatDoesNotFitIsRefused(old: String, new: String, message: String) throws {
    let pair = try OutsidePair()
    try pair.rewrite("limits.json") { text in
      guard let range = text.range(of: old) else { return "" }
      return text.replacingCharacters(in: range, with: new)
    }
    let output = try pair.run("-o", "csv", "--no-header")
    #expect(output.status == 1)
    #expect(output.stderr.contains(message), "\(output.stderr)")
    #expect(output.stderr.hasPrefix("kiter: ") && output.stderr.split(separator: "\n").count == 1)
    #expect(output.stdout.isEmpty)
  }

  @Test func whatTheVerifierRefusesComesWithItsWords() throws {
    let pair = try OutsidePair { program in
      program.replacingOccurrences(
        of: "PUT(&w, pid, pid);",
        with: "PUT(&w, pid, *(volatile u32 *)((char *)w.slot + sizeof(struct kiter_slot)));")
    }
    let output = try pair.run()
    #expect(output.status == 69)
    #expect(output.stderr.contains("invalid access to map value"), "\(output.stderr)")
    // The end of it, and no more.
    #expect(output.stderr.split(separator: "\n").count < 12)
  }

  @Test func anObjectWithoutAnIteratorIsRefused() throws {
    let pair = try OutsidePair { program in
      program.replacingOccurrences(of: "SEC(\"iter/task\")", with: "SEC(\"raw_tp/sys_enter\")")
    }
    let output = try pair.run()
    #expect(output.status == 1)
    #expect(output.stderr.contains("has no iterator, but raw_tp/sys_enter"), "\(output.stderr)")
  }

  @Test func withoutPrivilegeItIsNotPermitted() throws {
    let pair = try OutsidePair()
    let host = try PinnedHost()
    let command = [host.kiter, "run", pair.object, "--schema", pair.schema]
    let output = try Command.run(PinnedHost.unprivileged(command))
    #expect(output.status == 77)
    // Nobody can pin it.
    #expect(output.stderr.hasSuffix("run as root (sudo kiter …)\n"), "\(output.stderr)")
  }

  @Test func anIteratorThatTheKernelLacksIsUnsupported() throws {
    let pair = try OutsidePair { program in
      program.replacingOccurrences(of: "SEC(\"iter/task\")", with: "SEC(\"iter/no_such\")")
    }
    try pair.rewrite("limits.json") {
      $0.replacingOccurrences(of: "\"target\": \"task\"", with: "\"target\": \"no_such\"")
    }
    let output = try pair.run()
    #expect(output.status == 69)
    #expect(output.stderr.contains("does not have the iterator"), "\(output.stderr)")
  }

  @Test(arguments: [
    (["run"], 64, "<object>"),
    (["run", "/etc/passwd"], 64, "--schema"),
    (["run", "x.o", "--schema", "/no/such.json"], 1, "/no/such.json: No such file or directory"),
    (["run", "x.o", "--schema", "/"], 1, "/: Is a directory"),
    (["sql", "--run", "x.o", "SELECT 1"], 64, "with a colon between"),
    (["schema", "--header", "/etc/passwd"], 1, "/etc/passwd: not valid JSON"),
  ])
  func badWordsAreNamed(arguments: [String], status: Int32, message: String) throws {
    let output = try Kiter.run(arguments)
    #expect(output.status == status)
    #expect(output.stderr.contains(message), "\(output.stderr)")
    #expect(output.stdout.isEmpty)
  }

  @Test func aFileThatIsNoObjectIsRefused() throws {
    let pair = try OutsidePair()
    for path in ["/etc/passwd", try Kiter.executable(), "/dev/null"] {
      let output = try Kiter.run(["run", path, "--schema", pair.schema])
      #expect(output.status == 1)
      #expect(output.stderr.contains("no BPF object file"), "\(path): \(output.stderr)")
    }
    let column = try pair.run("-c", "fils_soft")
    #expect(column.status == 64)
    #expect(column.stderr.contains("did you mean \"files_soft\""))
  }
}
