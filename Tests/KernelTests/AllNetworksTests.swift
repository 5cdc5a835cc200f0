import Foundation
import Glibc
import IteratorCatalog
import RecordSchema
import Testing

/// `kiter sockets --all-netns`.
@Suite(.kernel) struct AllNetworksTests {
  /// A name for a network namespace (`ip netns`), removed with this.
  private final class NamedNetwork {
    let name: String
    let number: Int64

    /// A new one, or that of a process.
    init(_ suffix: String, of pid: Int32? = nil) throws {
      let name = "kiter-\(getpid())-\(suffix)"
      self.name = name
      let words = pid.map { ["attach", name, "\($0)"] } ?? ["add", name]
      let output = try Command.run(["ip", "netns"] + words)
      guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
      let status = try FileManager.default.attributesOfItem(atPath: "/run/netns/\(name)")
      number = (status[.systemFileNumber] as? NSNumber)?.int64Value ?? 0
    }

    deinit { _ = try? Command.run(["ip", "netns", "del", name]) }

    /// The cookies of the sockets that ss shows there.
    func cookies() throws -> Set<UInt64> {
      let output = try Command.run(["ip", "netns", "exec", name, "ss", "-HOtunae"])
      return try Set(output.text.split(separator: "\n").map { try SSSocket(String($0)).cookie })
    }
  }

  private static let columns = ["--all-netns", "-c", "net_ns,protocol,state,local_port,cookie"]

  /// What is in a namespace is what ss shows there, whatever keeps it.
  @Test func eachHasTheSocketsThatSSShowsThere() throws {
    let fixtures = try [Fixture("sockets"), Fixture("shared-sockets")]
    defer { for fixture in fixtures { fixture.stop() } }
    let named = try fixtures.enumerated().map { try NamedNetwork("\($0)", of: $1.pid) }
    let before = try named.map { try $0.cookies() }
    let rows = try Kiter.rows(["sockets", "--tcp", "--udp"] + Self.columns)
    let after = try named.map { try $0.cookies() }
    for (index, network) in named.enumerated() {
      let own = rows.filter { $0.number("net_ns") == network.number }
      let shown = Set(own.compactMap { $0.hex("cookie") })
      #expect(shown.count == own.count, "a socket is there twice")
      #expect(shown.isSuperset(of: before[index].intersection(after[index])))
      #expect(shown.isSubset(of: before[index].union(after[index])))
      #expect(!before[index].isEmpty)
    }
    // All of this host's, each once.
    let cookies = rows.compactMap { $0.hex("cookie") }
    #expect(Set(cookies).count == cookies.count)
    let here = Set(try Kiter.rows("sockets", "-c", "net_ns").compactMap { $0.number("net_ns") })
    #expect(Set(rows.compactMap { $0.number("net_ns") }).isSuperset(of: here))
  }

  /// A descriptor, a socket, a thread or a name is enough.
  @Test func namespacesWithoutAProcessAreFound() throws {
    let fixture = try Fixture("held-networks")
    let named = try NamedNetwork("empty")
    defer { fixture.stop() }
    let rows = try Kiter.rows(["sockets"] + Self.columns)
    for network in try fixture.facts["networks"].array {
      let role = Comment(rawValue: try network["role"].string)
      let number = Int64(try network["net_ns"].int)
      let own = rows.filter { $0.number("net_ns") == number }
      // The kernel's own ones are in each.
      #expect(own.contains { $0.text("protocol") == "netlink" }, role)
      let ports = own.filter { $0.text("state") == "listen" }.map { $0.number("local_port") }
      let port = try? network["port"].int
      #expect(ports == (port.map { [Int64($0)] } ?? []), role)
      #expect((port == nil) == (role == "file"))
    }
    #expect(rows.contains { $0.number("net_ns") == named.number })
  }

  @Test func holdersAreShownOfAll() throws {
    let fixture = try Fixture("held-networks")
    defer { fixture.stop() }
    let networks = try fixture.facts["networks"].array.filter { !$0["port"].isNull }
    let rows = try Kiter.rows(
      "sockets", "--tcp", "--all-netns", "--owners", "-w", "pid = \(fixture.pid)",
      "-c", "net_ns,pid,fd")
    #expect(
      try Set(rows.compactMap { $0.number("net_ns") })
        == Set(networks.map { Int64(try $0["net_ns"].int) }))
  }

  @Test func theColumnIsShown() throws {
    let header = try Kiter.run(["sockets", "--all-netns", "-o", "csv", "--limit", "0"]).text
    #expect(header.contains("net_ns"))
    #expect(try !Kiter.run(["sockets", "-o", "csv", "--limit", "0"]).text.contains("net_ns"))
    #expect(try Kiter.run(["tasks", "--all-netns"]).status == 64)
  }

  /// Namespaces that come and go while they are visited are no error.
  @Test func onesThatVanishAreToleratedAndTheOthersShown() throws {
    let named = try NamedNetwork("stays")
    let churn = try Subprocess(["sh", "-c", "while :; do unshare --net true; done"])
    defer { churn.kill() }
    for _ in 0..<10 {
      let rows = try Kiter.rows("sockets", "--all-netns", "-c", "net_ns")
      #expect(rows.contains { $0.number("net_ns") == named.number })
    }
  }

  /// A thread that has read all is where it was.
  @Test func theReaderIsInItsOwnAgain() throws {
    let named = try NamedNetwork("visited")
    let home = try ProcFiles.link("/proc/thread-self/ns/net")
    let projection = try Projection(SocketsRecord.schema, columns: ["net_ns"])
    var request = TableRequest(projection)
    request.allNetworks = true
    let source = try KernelSource(SocketsRecord.files, request)
    let snapshot = try Snapshot<SocketsRecord>(source, projection: projection, host: .live())
    #expect(snapshot.contains { $0.netNs.map(Int64.init) == named.number })
    #expect(try ProcFiles.link("/proc/thread-self/ns/net") == home)
  }
}
