import Foundation
import Glibc
import Testing

@Suite(.kernel) struct SocketsTests {
  @Test func equalsSSAndProc() throws {
    let churn = try Fixture("churn", "200")
    let states = try Fixture("sockets")
    let options = try Fixture("socket-options")
    defer { for fixture in [churn, states, options] { fixture.stop() } }
    // How long a jiffy is follows from this setting, which each network namespace has of its own.
    try setFinTimeout(of: states.pid, seconds: 47)

    var comparison = FieldComparison("sockets")
    for fixture in [states, options] {
      let sockets = try fixture.facts["sockets"].array.filter { $0["name_hex"].isNull }
      try compareAll(of: fixture.pid, atLeast: sockets.count, &comparison)
    }
    let local = try LocalSocketComparison(states.pid).compare(&comparison)
    let unix = try states.facts["sockets"].array.filter { try $0["protocol_name"].string == "unix" }
    #expect(local.unix >= unix.count)
    #expect(local.netlink > 0)
    let listening = try netlinkListener()
    defer { close(listening) }
    #expect(try LocalSocketComparison(getpid()).compare(&comparison).netlink > local.netlink)
    try comparison.finish()
  }

  /// Reads until each socket was read once while no segment of it came or went.
  private func compareAll(
    of pid: Int32, atLeast count: Int, _ comparison: inout FieldComparison
  ) throws {
    var done: Set<UInt64> = []
    var all: Set<UInt64> = []
    for _ in 0..<20 {
      let reading = try SocketReading(pid)
      try reading.compare(&comparison, done: &done)
      all = reading.cookies
      if done.isSuperset(of: all) { break }
    }
    #expect(all.count >= count)
    #expect(done.count * 10 >= all.count * 9, "compared \(done.count) of \(all.count)")
  }

  @Test func showsEveryStateOfTheFixture() throws {
    let fixture = try Fixture("sockets")
    defer { fixture.stop() }
    let rows = try socketRows(of: fixture.pid, "--columns", "all")
    let sockets = try fixture.facts["sockets"].array.filter {
      try $0["protocol_name"].string != "unix"
    }
    #expect(sockets.count == rows.count)
    for socket in sockets { try expectRow(of: socket, in: rows) }
    let states = Set(rows.compactMap { $0.text("state") })
    #expect(states == Set(stateNames.values))
    #expect(Set(rows.compactMap { $0.text("family") }) == ["inet", "inet6"])
    #expect(rows.contains { $0.text("remote_address") == "::ffff:127.0.0.1" })
  }

  /// Null is what does not apply: never 0.
  @Test func saysNullOfWhatDoesNotApply() throws {
    let fixture = try Fixture("sockets")
    defer { fixture.stop() }
    let rows = try socketRows(of: fixture.pid, "--columns", "all")
    let connection: Set = [
      "receive_queue", "send_queue", "remote_address", "remote_port", "uid", "user", "inode",
      "rtt_us", "rtt_variance_us", "cwnd", "ssthresh", "mss", "retransmits", "retransmits_total",
      "bytes_sent", "bytes_received", "bytes_acked", "timer", "timer_expires_ms", "congestion",
    ]
    let all = try #require(rows.first).names
    for row in rows {
      let values = all.filter { !row.isNull($0) }
      switch try #require(SocketKind(row)) {
      case .listener:
        #expect(values.isSuperset(of: ["uid", "inode", "accept_queue", "backlog", "congestion"]))
        #expect(
          values.isDisjoint(with: connection.subtracting(["uid", "user", "inode", "congestion"])))
      case .timeWait:
        let rest: Set = ["remote_address", "remote_port", "timer", "timer_expires_ms"]
        #expect(values.intersection(connection) == rest)
      case .request:
        let rest: Set = [
          "remote_address", "remote_port", "uid", "user", "retransmits", "timer",
          "timer_expires_ms",
        ]
        #expect(values.intersection(connection) == rest)
      case .connection:
        #expect(values.isDisjoint(with: ["accept_queue", "backlog"]))
        #expect(
          values.isSuperset(of: ["receive_queue", "send_queue", "cwnd", "mss", "bytes_sent"]))
      case .udp:
        let rest: Set = [
          "receive_queue", "send_queue", "remote_address", "remote_port", "uid", "user", "inode",
        ]
        #expect(values.intersection(connection).isSubset(of: rest))
        #expect(row.isNull("remote_address") == (row.text("state") == "close"))
      }
    }
  }

  @Test func showsWhatOptionsChange() throws {
    let fixture = try Fixture("socket-options")
    defer { fixture.stop() }
    let rows = try Kiter.rows("sockets", "--columns", "all")
    let cookies = try fixture.facts["sockets"].array.map {
      (try $0["role"].string, try $0["cookie"].uint)
    }
    func row(_ role: String) throws -> Row {
      let cookie = try #require(cookies.first { $0.0 == role }?.1)
      return try #require(rows.first { $0.hex("cookie") == cookie })
    }
    let owner = Int64(try fixture.facts["owner"].int)
    #expect(try row("owned_listener").number("uid") == owner)
    #expect(try row("keepalive").text("timer") == "keepalive")
    let lossy = try row("lossy")
    #expect(lossy.text("congestion") == "reno")
    #expect(lossy.text("timer") == "on")
    #expect((lossy.number("retransmits_total") ?? 0) > 0)
    #expect(lossy.number("ssthresh") != nil)
    #expect((try row("udp_corked").number("send_queue") ?? 0) > 100)

    // What nobody has accepted yet is its listener's: a connection, and the request of one.
    let port = try row("owned_listener").number("local_port")
    let waiting = rows.filter {
      $0.number("local_port") == port && $0.text("state") == "established"
    }
    let deferred = try row("deferred_client").number("local_port")
    let requests = rows.filter {
      $0.number("remote_port") == deferred && $0.text("state") == "syn_recv"
    }
    #expect(waiting.count == 2)
    #expect(requests.count == 1)
    for row in waiting + requests { #expect(row.number("uid") == owner) }
  }

  /// What a netlink socket was sent, and had no room for.
  @Test func countsWhatNetlinkDrops() throws {
    let userSocket: Int32 = 2
    let (listener, sender) = (
      socket(AF_NETLINK, Int32(SOCK_RAW.rawValue), userSocket),
      socket(AF_NETLINK, Int32(SOCK_RAW.rawValue), userSocket)
    )
    defer { for number in [listener, sender] { close(number) } }
    var smallest: Int32 = 1
    // SAFETY: SO_RCVBUF takes an int.
    try #require(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &smallest, 4) == 0)
    // struct sockaddr_nl: family and padding, port 0 for any, a mask of groups.
    let group: [UInt32] = [UInt32(AF_NETLINK), 0, 1]
    let message = [UInt8](repeating: 0, count: 1000)
    group.withUnsafeBytes { bytes in
      let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      // SAFETY: the twelve bytes of the structure are read, and those of the message.
      #expect(bind(listener, address, 12) == 0)
      for _ in 0..<20 { _ = sendto(sender, message, message.count, 0, address, 12) }
    }
    var status = stat()
    // SAFETY: fstat fills the structure.
    try #require(fstat(listener, &status) == 0)
    let line = try ProcNetlinkSocket.all().first { $0.inode == Int64(status.st_ino) }
    let drops = Int64(try #require(line).drops)
    #expect(drops > 0)
    let row = try socketRows(of: getpid(), "--netlink", "--columns", "all").first {
      $0.number("inode") == Int64(status.st_ino)
    }
    #expect(row?.number("drops") == drops)
  }

  /// A socket that hears of changes of links and addresses: groups 1 and 5.
  private func netlinkListener() throws -> Int32 {
    let listener = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue), 0)
    // struct sockaddr_nl: family and padding, port 0 for any, a mask of groups.
    let address: [UInt32] = [UInt32(AF_NETLINK), 0, 0x11]
    // SAFETY: the twelve bytes of the structure are read.
    let result = address.withUnsafeBytes {
      bind(listener, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), 12)
    }
    try #require(result == 0)
    return listener
  }

  @Test func showsUnixSocketsOfTheFixture() throws {
    let fixture = try Fixture("sockets")
    defer { fixture.stop() }
    let rows = try socketRows(of: fixture.pid, "--unix", "--columns", "all")
    let sockets = try fixture.facts["sockets"].array.filter {
      try $0["protocol_name"].string == "unix"
    }
    func row(_ role: String) throws -> Row {
      let inode = Int64(
        try #require(try sockets.first { try $0["role"].string == role })["inode"].int)
      return try #require(rows.first { $0.number("inode") == inode }, "\(role)")
    }
    for socket in sockets where !socket["name_hex"].isNull {
      let role = try socket["role"].string
      var name = try socket["name_hex"].bytes
      // A NUL inside an abstract name stays one.
      if name.first == 0 { name[0] = UInt8(ascii: "@") }
      #expect(try row(role).hex("cookie") == socket["cookie"].uint, "\(role)")
      #expect(try row(role).bytes("path") == (name.isEmpty ? nil : name), "\(role)")
    }
    #expect(try row("unix_listen").number("accept_queue") == 1)
    #expect(try row("unix_waiting_client").isNull("peer_inode"))
    let (sender, receiver) = (try row("unix_pair_sender"), try row("unix_pair_receiver"))
    #expect(sender.number("peer_inode") == receiver.number("inode"))
    #expect(receiver.number("receive_queue") == 5)
    #expect(try row("unix_seqpacket_receiver").number("receive_queue") == 12)
    #expect(try row("unix_datagram_receiver").number("receive_queue") == 7)
    #expect(try row("unix_shut_for_sending").list("shutdown") == ["send"])
    #expect(try row("unix_shut_for_receiving").list("shutdown") == ["receive"])
    #expect(try row("unix_unconnected").isNull("peer_inode"))

    let waiting = try socketRows(of: fixture.pid, "--unix", "--listening", "--columns", "path")
    let names = Set(waiting.compactMap { $0.text("path") })
    #expect(waiting.count == 3 && names.count == 3, "\(names)")
    #expect(try socketRows(of: fixture.pid, "--netlink", "--listening").isEmpty)
    #expect(try socketRows(of: fixture.pid, "--unix", "--netlink", "--port", "1").isEmpty)
  }

  @Test func parametersNarrowTheRows() throws {
    let fixture = try Fixture("sockets")
    defer { fixture.stop() }
    func cookies(_ arguments: String...) throws -> Set<UInt64> {
      Set(
        try socketRows(of: fixture.pid, ["--columns", "cookie"] + arguments)
          .compactMap { $0.hex("cookie") })
    }
    let rows = try socketRows(of: fixture.pid, "--columns", "all")
    func cookies(where condition: (Row) -> Bool) -> Set<UInt64> {
      Set(rows.filter(condition).compactMap { $0.hex("cookie") })
    }
    #expect(try cookies("--tcp") == cookies { $0.text("protocol") == "tcp" })
    #expect(try cookies("--udp") == cookies { $0.text("protocol") == "udp" })
    #expect(try cookies("--tcp", "--udp") == cookies { _ in true })
    let waiting = cookies { ["listen", "close"].contains($0.text("state")) }
    #expect(waiting.count > 4)
    #expect(try cookies("--listening") == waiting)

    let port = try #require(rows.first { $0.text("state") == "syn_recv" }?.number("local_port"))
    let users = cookies { [$0.number("local_port"), $0.number("remote_port")].contains(port) }
    // The listener, the request and the client; an IPv6 socket may have the number, too.
    #expect(users.count >= 3)
    #expect(try cookies("--port", "\(port)") == users)
    let both = users.intersection(waiting)
    #expect(!both.isEmpty)
    #expect(try cookies("--port", "\(port)", "--listening") == both)
    #expect(try Kiter.run(["sockets", "--port", "65536"]).status == 64)
  }

  /// The row of a socket that the fixture made: found by what it cannot share with another one.
  private func expectRow(of socket: Facts, in rows: [Row]) throws {
    let role = try socket["role"].string
    let local = try SocketEnd(fact: socket["local"])
    let remote = socket["remote"].isNull ? nil : try SocketEnd(fact: socket["remote"])
    let cookie = socket["cookie"].isNull ? nil : try socket["cookie"].uint
    let row = try #require(
      try rows.first {
        guard let cookie else {
          return try SocketEnd($0, "local") == local && SocketEnd($0, "remote") == remote
        }
        return $0.hex("cookie") == cookie
      }, "\(role)")
    let inode = try socket["inode"].int
    #expect(try SocketEnd(row, "local") == local, "\(role)")
    #expect(row.number("inode") == (inode == 0 ? nil : Int64(inode)), "\(role)")
    #expect(row.text("protocol") == (try socket["protocol_name"].string), "\(role)")
    // A socket does not say where it connects to before it is connected.
    if let remote { #expect(try SocketEnd(row, "remote") == remote, "\(role)") }
    if !socket["state_name"].isNull {
      #expect(row.text("state") == stateNames[try socket["state_name"].string], "\(role)")
    }
  }
}
