import Foundation
import Testing

/// What `--owners` says of who holds what.
@Suite(.kernel) struct OwnersTests {
  /// One who holds something; a thread's table need not be the first thread's.
  private struct Holder: Hashable {
    let pid, tid, fd: Int64

    init?(_ row: Row) {
      guard let pid = row.number("pid"), let tid = row.number("tid"), let fd = row.number("fd")
      else { return nil }
      (self.pid, self.tid, self.fd) = (pid, tid, fd)
    }

    init(_ facts: Facts) throws {
      pid = Int64(try facts["pid"].int)
      tid = Int64(try facts["tid"].int)
      fd = Int64(try facts["fd"].int)
    }
  }

  private static let holder = "pid,tid,fd,comm"

  @Test func eachHolderOfASocketHasARow() throws {
    let fixture = try Fixture("shared-sockets")
    defer { fixture.stop() }
    let rows = try socketRows(of: fixture.pid, "--owners", "-c", "inode,\(Self.holder)")
    for socket in try fixture.facts["sockets"].array {
      let inode = Int64(try socket["inode"].int)
      let shown = rows.filter { $0.number("inode") == inode }
      let holders = try socket["holders"].array.map { try Holder($0) }
      let role = Comment(rawValue: try socket["role"].string)
      #expect(Set(shown.compactMap(Holder.init)) == Set(holders), role)
      // One that nobody holds has a row, too.
      #expect(shown.count == max(1, holders.count), role)
      if holders.isEmpty {
        for row in shown { #expect(["pid", "tid", "fd", "comm"].allSatisfy(row.isNull), role) }
      }
      for row in shown where !holders.isEmpty { #expect(row.text("comm") == "kiter-fixture", role) }
    }
  }

  /// What ss knows: descriptors of whole processes, and of sockets that nobody holds no less.
  @Test(arguments: ["sockets", "shared-sockets"])
  func socketsHaveTheHoldersThatSSFinds(state: String) throws {
    let fixture = try Fixture(state)
    defer { fixture.stop() }
    let inside = ["nsenter", "--target", "\(fixture.pid)", "--net"]
    let shown = try Command.run(inside + ["ss", "-HOtunape"]).text.split(separator: "\n")
    let rows = try socketRows(of: fixture.pid, "--owners", "-c", "cookie,\(Self.holder)")
    var held = 0
    for line in shown.map(String.init) {
      let cookie = try SSSocket(line).cookie
      let own = rows.filter { $0.hex("cookie") == cookie }
      #expect(!own.isEmpty, "\(line)")
      let known = line.matches(of: #/\("([^"]*)",pid=(\d+),fd=(\d+)\)/#).map { match in
        [String(match.1), String(match.2), String(match.3)]
      }
      let found = own.filter { $0.number("pid") == $0.number("tid") && !$0.isNull("pid") }.map {
        [$0.text("comm") ?? "", "\($0.number("pid") ?? 0)", "\($0.number("fd") ?? -1)"]
      }
      #expect(Set(found) == Set(known), "\(line)")
      held += known.count
    }
    #expect(held >= 4)
    #expect(Set(rows.map { $0.hex("cookie") }).count == shown.count)
  }

  @Test func unixSocketsHaveTheHoldersThatLsofFinds() throws {
    let fixture = try Fixture("sockets")
    defer { fixture.stop() }
    let rows = try socketRows(of: fixture.pid, "--unix", "--owners", "-c", "inode,\(Self.holder)")
    let inside = ["nsenter", "--target", "\(fixture.pid)", "--net"]
    let output = try Command.run(
      inside + ["lsof", "-a", "-U", "-p", "\(fixture.pid)", "-F", "fi"]
    ).text
    var (fd, known): (Int64, [Int64: Int64]) = (-1, [:])
    for line in output.split(separator: "\n") {
      guard let number = Int64(line.dropFirst()) else { continue }
      if line.hasPrefix("f") { fd = number }
      if line.hasPrefix("i") { known[fd] = number }
    }
    let own = rows.filter { $0.number("pid") == Int64(fixture.pid) }
    let found = own.map { ($0.number("fd") ?? -1, $0.number("inode") ?? -1) }
    #expect(Dictionary(uniqueKeysWithValues: found) == known)
    #expect(known.count >= 13)
    // A connection that waits to be accepted is nobody's yet.
    #expect(rows.contains { $0.isNull("pid") && $0.isNull("inode") })
  }

  /// Everything that processes hold, as /proc says it.
  @Test(arguments: [("maps", "map_id"), ("progs", "prog_id"), ("links", "link_id")])
  func objectsOfBPFHaveTheHoldersThatProcFinds(table: String, key: String) throws {
    let (made, users) = (try MadeLinks(), try BPFUsers())
    try withExtendedLifetime((made, users)) {
      let before = try Self.holders(key)
      let rows = try Kiter.rows(table, "--owners", "-c", "id,\(Self.holder)")
      let stable = before.intersection(try Self.holders(key))
      let found = Set(
        rows.compactMap { row in
          Holder(row).map { [row.number("id") ?? 0, $0.pid, $0.fd] }
        })
      #expect(found.isSuperset(of: stable))
      #expect(stable.count >= 4, "\(stable.count)")
      #expect(Set(rows.compactMap { $0.text("comm") }).isSuperset(of: ["opensnoop", "tcpstates"]))
    }
  }

  /// Number, process and descriptor of each object of a kind that a process holds.
  private static func holders(_ key: String) throws -> Set<[Int64]> {
    let kind = key.prefix { $0 != "_" }
    // An open walk tells of its link and program, too, but is neither.
    let kinds = ["-", "_"].map { Array("anon_inode:bpf\($0)\(kind)".utf8) }
    var holders: Set<[Int64]> = []
    for pid in try ProcFiles.numbers(in: "/proc") {
      for fd in (try? ProcFiles.numbers(in: "/proc/\(pid)/fdinfo")) ?? [] {
        guard let link = try? ProcFiles.link("/proc/\(pid)/fd/\(fd)"), kinds.contains(link),
          let text = try? ProcFiles.text("/proc/\(pid)/fdinfo/\(fd)")
        else { continue }
        for line in text.split(separator: "\n") where line.hasPrefix(key + ":") {
          holders.insert([try parseNumber(words(line)[1], key), Int64(pid), Int64(fd)])
        }
      }
    }
    return holders
  }

  @Test func holdersHaveTheirCgroups() throws {
    let id = String(repeating: "8d", count: 32)
    let mounts = [ControlGroup.Mount.unified, .legacy("memory")].compactMap { $0 }
    let groups = try mounts.map { try ControlGroup("/docker/\(id)", in: $0) }
    let fixture = try Fixture("shared-sockets", in: groups)
    defer { fixture.stop() }
    let columns = "inode,pid,owner_cgroup,owner_container_id"
    let rows = try socketRows(of: fixture.pid, "--owners", "-c", columns)
    let held = rows.filter { !$0.isNull("pid") }
    #expect(held.count >= 7)
    for row in held {
      #expect(row.text("owner_cgroup") == "/docker/\(id)" && row.text("owner_container_id") == id)
    }
    for row in rows where row.isNull("pid") {
      #expect(row.isNull("owner_cgroup") && row.isNull("owner_container_id"))
    }
  }

  @Test func holdersCanBeAskedFor() throws {
    let fixture = try Fixture("shared-sockets")
    defer { fixture.stop() }
    let pid = Int64(fixture.pid)
    let table = ["--owners", "-c", "inode,pid,tid,fd"]
    let all = try socketRows(of: fixture.pid, table).filter { $0.number("pid") == pid }
    let asked = try socketRows(of: fixture.pid, table + ["-w", "pid = \(pid)", "-s", "fd:desc"])
    #expect(Set(all.compactMap(Holder.init)) == Set(asked.compactMap(Holder.init)))
    #expect(asked.map { -($0.number("fd") ?? 0) } == asked.map { -($0.number("fd") ?? 0) }.sorted())
    let statement =
      "SELECT s.inode, s.pid, s.tid, s.fd FROM sockets_owners s JOIN tasks t USING (pid) "
      + "WHERE s.protocol IN ('tcp', 'udp') AND t.pid = \(pid)"
    let output = try Command.run([
      "nsenter", "-t", "\(pid)", "-n", Kiter.executable(), "sql", statement, "-o", "jsonl",
    ])
    let joined = try output.stdout.split(separator: UInt8(ascii: "\n")).map { try Row(json: $0) }
    #expect(Set(joined.compactMap(Holder.init)) == Set(all.compactMap(Holder.init)))
  }

  /// What was recorded before does not say who held it.
  @Test func recordedTablesHaveNoHolders() throws {
    let host = try PinnedHost()
    try host.pin("sockets")
    let output = try host.read(["sockets", "--owners"])
    #expect(output.status == 77 && output.stderr.contains("owners"), "\(output.stderr)")
    let column = try Kiter.run(["sockets", "-c", "pid"])
    #expect(column.status == 64 && column.stderr.contains("--owners"), "\(column.stderr)")
  }
}
