import Foundation
import IteratorCatalog
import RecordSchema
import Testing

/// A snapshot, read by nobody, against what the kernel says at the same time.
@Suite(.kernel) struct SnapshotsTests {
  private let folder: SnapshotFolder

  init() throws { folder = try SnapshotFolder() }

  /// Whatever of a process was the same before and after the snapshot is so in it.
  @Test(arguments: ["sleep", "identity", "threads", "memory", "files", "namespaces", "signals"])
  func aProcessIsThereAsItIs(state: String) throws {
    let fixture = try Fixture(state)
    let tables = Catalog.tables.map { $0.schema }.filter { $0.scopes.contains(.pid) }
    let rest = ["--pid", "\(fixture.pid)", "-c", "all"]
    var before: [[Row]] = []
    for schema in tables { before.append(try Kiter.rows([schema.name] + rest)) }
    let path = try folder.record("snapshot", tables.map(\.name))
    for (index, schema) in tables.enumerated() {
      let earlier = before[index]
      let later = try Kiter.rows([schema.name] + rest)
      let found = try folder.rows([schema.name] + rest + ["--from", path])
      #expect(!found.isEmpty, "\(schema.name)")
      #expect(found.count == later.count, "\(schema.name)")
      compare(schema, earlier, found, later)
    }
  }

  private func compare(_ schema: Schema, _ before: [Row], _ found: [Row], _ after: [Row]) {
    var compared: Set<String> = []
    for (earlier, (row, later)) in zip(before, zip(found, after)) {
      for field in schema.columns where earlier.value(field.name) == later.value(field.name) {
        compared.insert(field.name)
        let values = (row.value(field.name), later.value(field.name))
        #expect(values.0 == values.1, "\(schema.name).\(field.name)")
      }
    }
    #expect(compared.isSuperset(of: schema.key))
    #expect(compared.count * 10 >= schema.columns.count * 8, "\(schema.name): \(compared)")
  }

  /// Rows that stay the same are in the snapshot, and in every form of output.
  @Test(arguments: Catalog.tables.filter { $0.schema.scopes.isEmpty }.map { $0.schema.name })
  func aTableOfTheHostIsThereAsItIs(table: String) throws {
    let arguments = [table, "-c", "all", "-o", "csv"]
    // So that there is a link, which lasts.
    let links = try table == "links" ? MadeLinks() : nil
    defer { withExtendedLifetime(links) {} }
    let before = try lines(Kiter.run(arguments))
    let path = try folder.record("snapshot", [table])
    let found = try lines(folder.runAsNobody(arguments + ["--from", path]))
    // A program of another test's, loaded again, may have the address that it had.
    let lasting = before.intersection(try lines(Kiter.run(arguments)))
      .filter { table != "ksyms" || !$0.contains(",bpf,") }
    #expect(!lasting.isEmpty)
    #expect(lasting.subtracting(found) == [])
    for form in ["table", "json", "jsonl"] {
      let output = try folder.runAsNobody([table, "--from", path, "-o", form])
      // Only the header lasts where there is no object.
      let mayBeEmpty = form == "jsonl" && lasting.count == 1
      #expect(output.status == 0 && (mayBeEmpty || !output.stdout.isEmpty), "\(output.stderr)")
    }
  }

  private func lines(_ output: Command.Output) -> Set<Substring> {
    #expect(output.status == 0, "\(output.stderr)")
    return Set(output.text.split(separator: "\n"))
  }

  /// What the kernel would be asked is asked of the rows.
  @Test func optionsPickTheSameRows() throws {
    let (sockets, files) = (try Fixture("sockets"), try Fixture("files"))
    let there = ["nsenter", "--net=/proc/\(sockets.pid)/ns/net"]
    let path = try folder.record("snapshot", ["sockets", "files", "tasks"], entering: there)
    let all = try folder.rows(["sockets", "--from", path])
    let port = try #require(all.compactMap { $0.number("local_port") }.first { $0 > 0 })
    let pid = "\(files.pid)"
    for arguments in [
      ["sockets", "--port", "\(port)"], ["sockets", "--port", "0"], ["sockets", "--listening"],
      ["sockets", "--listening", "--port", "\(port)"], ["sockets", "--tcp"], ["sockets", "--udp"],
      ["sockets", "--udp", "--listening"], ["sockets", "--state", "established"],
      ["sockets", "--uid", "0"], ["files", "--pid", pid, "--deleted"],
      ["files", "--pid", pid, "--deleted", "--where", "links = 0 -- none"],
      ["files", "--pid", pid, "--comm", "kiter-fixture"], ["tasks", "--pid", pid, "--uid", "0"],
      ["tasks", "--pid", pid, "--uid", "root", "-w", "pid > 0", "--count"],
    ] {
      let columns =
        arguments.contains("--count")
        ? [] : ["-c", arguments[0] == "sockets" ? "cookie,inode" : "pid,comm"]
      let form = ["-o", "csv", "--no-header"] + columns
      let live = try Command.run(there + [folder.kiter] + arguments + form)
      let found = try folder.runAsNobody(arguments + ["--from", path] + form)
      #expect(live.status == 0 && found.status == 0, "\(live.stderr)\(found.stderr)")
      // Sockets in their last state (TIME-WAIT) may have ended.
      #expect(lines(live).subtracting(lines(found)) == [], "\(arguments)")
      #expect(!lines(found).isEmpty, "\(arguments)")
      if arguments[0] != "sockets" { #expect(live.text == found.text, "\(arguments)") }
    }
    #expect(try folder.rows(["sockets", "--from", path, "--listening"]).count < all.count)
    // An error speaks of what the user wrote, not of what options stand for.
    let wrong = try folder.runAsNobody(
      ["sockets", "--from", path, "--listening", "--where", "uid = prot"])
    #expect(wrong.status == 64)
    #expect(wrong.stderr.hasSuffix("\n  uid = prot\n        ^\n"), "\(wrong.stderr)")
  }

  @Test func whatOnlyTheKernelCanAnswerIsRefused() throws {
    let path = try folder.record("snapshot", ["tasks", "files"])
    for arguments in [["tasks", "--threads"], ["tasks", "--tid", "1"], ["files", "--path", "/"]] {
      let output = try folder.runAsNobody(arguments + ["--from", path])
      #expect(output.status == 64)
      #expect(output.stderr.contains("a snapshot cannot take \(arguments[1])"), "\(output.stderr)")
      #expect(output.stdout.isEmpty)
    }
    let none = try folder.runAsNobody(["tasks", "--pid", "4194304", "--from", path])
    #expect(none.status == 1)
    #expect(none.stderr == "kiter: tasks: there is no row of process 4194304\n")
    let other = try folder.runAsNobody(["maps", "--from", path])
    #expect(other.status == 1)
    #expect(other.stderr == "kiter: \(path): has no table maps; it has tasks, files\n")
    for option in [["--pinned"], ["--engine", "seq"], ["--watch", "-o", "jsonl"]] {
      #expect(try folder.runAsNobody(["tasks", "--from", path] + option).status == 64)
    }
  }

  /// Users are those of the host that the snapshot is of.
  @Test func namesAreTheOtherHosts() throws {
    let passwd = folder.path("passwd")
    try "kestrel:x:0:0::/:/bin/sh\n".write(toFile: passwd, atomically: true, encoding: .utf8)
    let fixture = try Fixture("sleep")
    let elsewhere = [
      "unshare", "--mount", "sh", "-c", "mount --bind \(passwd) /etc/passwd && exec \"$@\"", "sh",
    ]
    let path = try folder.record("snapshot", ["tasks"], entering: elsewhere)
    let rows = try folder.rows(
      ["tasks", "--pid", "\(fixture.pid)", "--uid", "kestrel", "-c", "user,uid", "--from", path])
    #expect(rows.map { $0.text("user") } == ["kestrel"])
    #expect(try folder.runAsNobody(["tasks", "--uid", "root", "--from", path]).status == 64)
  }

  @Test func aStatementJoinsItsTables() throws {
    let fixture = try Fixture("files")
    let path = try folder.record("snapshot")
    let statement =
      "SELECT tasks.pid, count(*) FROM files JOIN tasks USING (pid) WHERE tasks.pid = \(fixture.pid)"
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(fixture.pid)/fd")
    let output = try folder.runAsNobody(
      ["sql", statement, "--from", path, "-o", "csv", "--no-header"])
    #expect(output.text == "\(fixture.pid),\(descriptors.count)\n", "\(output.stderr)")
  }

  @Test func theDifferenceIsWhatHasHappened() throws {
    let ended = try Fixture("sleep")
    let shell = try Subprocess(["sh"])
    func tell(_ command: String) throws {
      _ = shell.send(Data("\(command); echo done\n".utf8))
      var buffer = [UInt8](repeating: 0, count: 64)
      // SAFETY: read is given the size of the buffer.
      #expect(read(shell.output, &buffer, buffer.count) == 5)
    }
    try tell("cd /")
    let old = try folder.record("old", ["tasks", "files"])
    ended.stop()
    let started = try Fixture("sleep")
    try tell("cd /usr; exec 7</dev/null")
    let new = try folder.record("new", ["tasks", "files"])

    let columns = ["-c", "pid,cwd"]
    let pids = [ended.pid, started.pid, shell.pid].map { Int64($0) }
    let rows = try folder.rows(["diff", old, new, "tasks"] + columns)
      .filter { pids.contains($0.number("pid") ?? 0) }
    let found = rows.map { row in
      [row.text("change"), row.text("changed"), row.number("pid").map { "\($0)" }, row.text("cwd")]
    }
    let cwd = FileManager.default.currentDirectoryPath
    #expect(
      found == [
        ["removed", nil, "\(ended.pid)", cwd], ["before", "cwd", "\(shell.pid)", "/"],
        ["after", "cwd", "\(shell.pid)", "/usr"], ["added", nil, "\(started.pid)", cwd],
      ])
    let files = try folder.rows(["diff", old, new, "files"])
      .filter { $0.number("pid") == Int64(shell.pid) }
    #expect(files.map { [$0.text("change"), $0.text("path")] } == [["added", "/dev/null"]])
    #expect(files.first?.number("fd") == 7)

    let all = try folder.runAsNobody(["diff", old, new, "--json"])
    let object = try JSONSerialization.jsonObject(with: all.stdout) as? [String: [[String: Any]]]
    #expect(object?.keys.sorted() == ["files", "tasks"])
    #expect(object?["files"]?.contains { $0["pid"] as? Int == Int(shell.pid) } == true)
    let text = try folder.runAsNobody(["diff", old, new]).text
    #expect(text.contains("\ntasks: ") || text.hasPrefix("tasks: "))
    #expect(try folder.runAsNobody(["diff", old, old]).text.isEmpty)
    #expect(try folder.runAsNobody(["diff", old, new, "-o", "csv"]).status == 64)
    #expect(try folder.runAsNobody(["diff", old, new, "maps"]).status == 1)
  }

  @Test func saysWhatItIs() throws {
    let path = try folder.record("snapshot", ["maps", "tasks"])
    let list = try folder.runAsNobody(["list", "--from", path])
    let release = try String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
    let lines = list.text.split(separator: "\n")
    #expect(lines[0].contains("Linux \(release.dropLast()), "), "\(list.stderr)")
    #expect(lines.dropFirst(2).map { $0.prefix { $0 != " " } } == ["maps", "tasks"])
    let schema = try folder.runAsNobody(["schema", "maps", "--from", path])
    let table = try #require(Catalog.tables.first { $0.schema.name == "maps" }).schema
    #expect(try Schema(ofRecords: Array(schema.stdout)).fields == table.fields)
  }

  @Test func isMadeByRootAlone() throws {
    let path = folder.path("own")
    let output = try Command.run([folder.kiter, "snapshot", "-o", path, "maps"])
    #expect(output.status == 0, "\(output.stderr)")
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    #expect(try folder.runAsNobody(["maps", "--from", path]).status == 77)
    let open = folder.path("open")
    try FileManager.default.createDirectory(
      atPath: open, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o777])
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: open)
    #expect(try folder.runAsNobody(["snapshot", "-o", "\(open)/x", "maps"]).status == 77)
    #expect(try FileManager.default.contentsOfDirectory(atPath: open) == [])
  }

  @Test func standardOutputTakesIt() throws {
    let output = try Command.run([folder.kiter, "snapshot", "-o", "-", "maps"])
    #expect(output.status == 0, "\(output.stderr)")
    let path = folder.path("piped")
    try output.stdout.write(to: URL(filePath: path))
    #expect(try !folder.rows(["maps", "--from", path]).isEmpty)
    let cut = folder.path("cut")
    try output.stdout.dropLast(3).write(to: URL(filePath: cut))
    let refused = try folder.runAsNobody(["maps", "--from", cut])
    #expect(refused.status == 1 && refused.stdout.isEmpty)
    #expect(refused.stderr.contains("ends early"), "\(refused.stderr)")
    #expect(try Kiter.run(["snapshot", "-o", "-", "nosuch"]).status == 64)
    #expect(try Kiter.run(["snapshot", "-o", "/dev/null", "maps"]).status == 1)
  }
}
