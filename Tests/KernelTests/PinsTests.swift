import Foundation
import IteratorCatalog
import RecordSchema
import Testing

/// What users without privilege get of pins.
@Suite(.kernel) struct PinsTests {
  /// What /proc says of a process that iterators show.
  private struct Known: Equatable {
    let start: UInt64
    let parent: Int64?
    let comm: [UInt8]
    let isKernelThread: Bool
  }

  private static func processes() throws -> [Int64: Known] {
    var known: [Int64: Known] = [:]
    for task in try ProcTask.all() {
      // Of what root may not trace the kernel shows nothing to iterators either.
      guard (try? task.namespace("user")) != nil, let stat = try? task.stat,
        let comm = try? task.comm
      else { continue }
      known[Int64(task.pid)] = Known(
        start: stat.startTime, parent: stat.ppid == 0 ? nil : Int64(stat.ppid), comm: comm,
        isKernelThread: stat.flags & 0x20_0000 != 0)
    }
    return known
  }

  @Test func showTheProcessesOfAllUsers() throws {
    let host = try PinnedHost()
    let fixture = try Fixture("identify", "32")
    try host.pin("tasks")
    let before = try Self.processes()
    let rows = try host.rows("tasks")
    let after = try Self.processes()
    let byPid = Dictionary(uniqueKeysWithValues: rows.map { ($0.number("pid") ?? 0, $0) })
    for (pid, known) in before where after[pid] == known {
      let row = try #require(byPid[pid], "process \(pid) is not shown")
      #expect(row.number("ppid") == known.parent, "\(pid)")
      let comm = try #require(row.bytes("comm"))
      // /proc adds what a kernel worker works at.
      #expect(known.isKernelThread ? known.comm.starts(with: comm) : known.comm == comm, "\(pid)")
    }
    for child in try fixture.facts["processes"].array {
      let row = try #require(byPid[Int64(try child["pid"].int)])
      #expect(row.text("cmdline")?.contains(try child["token"].string) == true)
    }
  }

  @Test func serveManyReadersAtOnce() throws {
    let host = try PinnedHost()
    let fixture = try Fixture("identify", "64")
    let children = try fixture.facts["processes"].array
    try host.pin("tasks")
    let readers = 12
    let command = PinnedHost.unprivileged([host.kiter, "tasks", "-o", "jsonl", "--pins", host.pins])
    let script = """
      for reader in $(seq \(readers)); do
        \(command.joined(separator: " ")) >\(host.folder.path)/$reader || echo "reader: $?" >&2 &
      done
      wait
      """
    for _ in 0..<4 {
      let output = try Command.run(["bash", "-c", script])
      #expect(output.stderr.isEmpty, "\(output.stderr)")
      for reader in 1...readers {
        let lines = try Data(contentsOf: host.folder.appending(path: "\(reader)"))
        let rows = try PinnedHost.rows(lines)
        let byPid = Dictionary(uniqueKeysWithValues: rows.map { ($0.number("pid") ?? 0, $0) })
        for child in children {
          let (pid, token) = (Int64(try child["pid"].int), try child["token"].string)
          #expect(byPid[pid]?.text("comm")?.contains(token) == true, "\(pid)")
          #expect(byPid[pid]?.text("cmdline")?.contains(token) == true, "\(pid)")
          #expect(byPid[pid]?.number("ppid") == Int64(fixture.pid), "\(pid)")
        }
      }
    }
  }

  @Test func areReplacedUnderTheirReaders() throws {
    let host = try PinnedHost()
    let fixture = try Fixture("sleep")
    try host.pin("tasks")
    let reader = PinnedHost.unprivileged([
      host.kiter, "tasks", "-c", "pid,comm", "-o", "csv", "--pid", "\(fixture.pid)", "--pins",
      host.pins,
    ])
    let script = """
      (for round in $(seq 20); do
        \(host.kiter) pin tasks --group \(PinnedHost.group) --columns pid,comm --path \(host.pins)
      done >/dev/null) & writer=$!
      while kill -0 $writer 2>/dev/null; do
        \(reader.joined(separator: " ")) || exit
        echo read
      done
      wait $writer
      """
    let output = try Command.run(["bash", "-c", script])
    #expect(output.status == 0, "\(output.stderr)")
    let lines = output.text.split(separator: "\n").filter { $0.hasPrefix("\(fixture.pid),") }
    #expect(lines.count == output.text.split(separator: "\n").count { $0 == "read" })
    #expect(lines.count > 1)
    #expect(host.files == ["tasks"])
  }

  /// The commands as they are typed: the folder is /run/kiter/pins, and the user gives no option.
  @Test func areFoundWithoutBeingAskedFor() throws {
    let host = try PinnedHost()
    let user = PinnedHost.unprivileged([host.kiter]).joined(separator: " ")
    let script = """
      mount -t tmpfs none /run
      \(host.kiter) doctor | grep 'pins:'
      \(host.kiter) pin tasks sockets --group \(PinnedHost.group) >/dev/null || exit
      stat -c %a:%u /run/kiter; stat -f -c %T /run/kiter/pins
      \(user) tasks --limit 1 -c pid -o csv --no-header | grep -c '^[0-9]'
      \(user) files; echo "files $?"
      \(user) doctor
      """
    let output = try Command.run(["unshare", "--mount", "sh", "-c", script])
    let lines = output.text.split(separator: "\n").map(String.init)
    #expect(lines.first?.contains("none in /run/kiter/pins") == true)
    #expect(lines.contains("755:0") && lines.contains("bpf_fs") && lines.contains("1"))
    #expect(lines.contains("files 77"))
    #expect(output.stderr.contains("let root pin the table"), "\(output.stderr)")
    #expect(output.text.contains("pin tasks: trusted, 0440 root:65532, pid,"), "\(output.text)")
    #expect(output.text.contains("ok       table tasks: from its pins"))
    #expect(output.text.contains("note     capabilities: no CAP_BPF"))
    #expect(output.text.contains("MISSING  table files"))
  }

  @Test func showTheSocketsOfAllUsers() throws {
    let host = try PinnedHost()
    try host.pin("sockets", "sockets")
    #expect(host.files == ["sockets-netlink", "sockets-tcp", "sockets-udp", "sockets-unix"])
    let all = try host.rows("sockets")
    let ours = try Kiter.rows("sockets", "-c", "protocol,state,local_port", "--tcp", "--listening")
    for row in ours where row.text("state") == "listen" {
      #expect(
        all.contains {
          $0.text("state") == "listen" && $0.number("local_port") == row.number("local_port")
        })
    }
    let udp = try host.rows("sockets", "--udp")
    #expect(udp.allSatisfy { $0.text("protocol")?.hasPrefix("udp") == true })
    #expect(try host.rows("sockets", "--tcp").allSatisfy { $0.text("protocol") == "tcp" })
    // What a program would be told is asked of the columns.
    for row in try host.rows("sockets", "--tcp", "--udp", "--listening") {
      #expect(row.text("state") == (row.text("protocol") == "tcp" ? "listen" : "close"))
    }
    for row in ours where row.text("state") == "listen" {
      let port = try #require(row.number("local_port"))
      #expect(try !host.rows("sockets", "--port", "\(port)", "--listening").isEmpty)
    }
  }

  @Test(arguments: ["tasks", "files", "vmas"]) func pickAProcessAsTheKernelDoes(table: String)
    throws
  {
    let host = try PinnedHost()
    let fixture = try Fixture("files")
    let columns = "pid,comm,path,fd,size_bytes,type,ppid,state,permissions,name".split(
      separator: ","
    )
    .map(String.init)
    let schema = try #require(Catalog.tables.first { $0.schema.name == table }).schema
    let shown = columns.filter { schema.field($0) != nil }.joined(separator: ",")
    let query = [table, "-c", shown, "-o", "csv", "--pid", "\(fixture.pid)"]
    try host.pin(table, "--columns", shown)
    let scoped = try Kiter.run(query)
    let picked = try host.read(query)
    #expect(scoped.status == 0 && scoped.text.contains("\(fixture.pid)"))
    #expect(picked.text == scoped.text, "\(picked.stderr)")
    #expect(try host.read([table, "--pid", "4294967295"]).status == 1)
  }

  @Test(arguments: Catalog.tables.map { $0.schema }.filter { $0.scopes.contains(.pid) })
  func compareAsTheKernelDoes(schema: Schema) throws {
    let host = try PinnedHost()
    let fixture = try Fixture("files")
    let names = schema.filters.map(\.name)
    try host.pin(schema.name, "--columns", (["pid"] + names).joined(separator: ","))
    let query = [schema.name, "--pid", "\(fixture.pid)", "-c", "pid", "-o", "csv"]
    let row = try #require(try Kiter.rows(Array(query[..<3]) + ["-c", "all"]).first)
    for name in names {
      let value = try #require(row.text(name) ?? row.number(name).map { "\($0)" })
      let others = ["comm": "none", "uid": "4242424", "state": "zombie"]
      for filter in [["--\(name)", value], ["--\(name)", try #require(others[name])]] {
        let picked = try host.read(query + filter)
        #expect(picked.status == 0, "\(picked.stderr)")
        #expect(try picked.text == Kiter.run(query + filter).text, "\(filter)")
        #expect((picked.text.split(separator: "\n").count > 1) == (filter[1] == value))
      }
    }
  }

  @Test func areUsedByRootOnRequestOnly() throws {
    let host = try PinnedHost()
    try host.pin("tasks", "--columns", "pid")
    let script = """
      mount -t tmpfs none /run
      \(host.kiter) pin tasks --columns pid >/dev/null
      \(host.kiter) tasks --limit 1 -o csv | head -n 1
      \(host.kiter) tasks --limit 1 -o csv --pinned | head -n 1
      """
    let output = try Command.run(["unshare", "--mount", "sh", "-c", script])
    let lines = output.text.split(separator: "\n")
    #expect(lines.first?.hasPrefix("pid,ppid,user") == true)
    #expect(lines.last == "pid")
  }
}
