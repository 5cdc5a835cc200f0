import Foundation
import Glibc
import Testing

/// The names of `ss`, and those of the table.
let stateNames = [
  "ESTAB": "established", "SYN-SENT": "syn_sent", "SYN-RECV": "syn_recv",
  "FIN-WAIT-1": "fin_wait1", "FIN-WAIT-2": "fin_wait2", "TIME-WAIT": "time_wait",
  "UNCONN": "close", "CLOSE-WAIT": "close_wait", "LAST-ACK": "last_ack", "LISTEN": "listen",
  "CLOSING": "closing",
]

/// The rows of `kiter sockets` in the network namespace of a process.
func socketRows(of pid: Int32, _ arguments: String...) throws -> [Row] {
  try socketRows(of: pid, arguments)
}

/// The rows of `kiter sockets` in the network namespace of a process; of the internet, unless the
/// arguments choose others.
func socketRows(of pid: Int32, _ arguments: [String]) throws -> [Row] {
  let kinds = ["--tcp", "--udp", "--unix", "--netlink"]
  let chosen = kinds.contains { arguments.contains($0) } ? [] : ["--tcp", "--udp"]
  let enter = ["nsenter", "--target", "\(pid)", "--net"]
  let output = try Command.run(
    enter + [try Kiter.executable(), "sockets"] + chosen + arguments + ["--output", "jsonl"])
  guard output.status == 0 else {
    throw Fixture.Failure(description: "kiter exited with \(output.status): \(output.stderr)")
  }
  return try output.stdout.split(separator: UInt8(ascii: "\n")).map { try Row(json: $0) }
}

/// Sets net.ipv4.tcp_fin_timeout in the network namespace of a process.
func setFinTimeout(of pid: Int32, seconds: Int) throws {
  let script = "echo \(seconds) > /proc/sys/net/ipv4/tcp_fin_timeout"
  let output = try Command.run(["nsenter", "--target", "\(pid)", "--net", "sh", "-c", script])
  guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
}

/// What kind of socket a row is, and so what it can say.
enum SocketKind {
  case udp, listener, connection
  /// What stays after a connection, in TIME-WAIT or FIN-WAIT-2.
  case timeWait
  /// What was before a connection.
  case request

  init?(_ row: Row) {
    switch (row.text("protocol"), row.text("state"), row.text("timer")) {
    case ("udp", _, _): self = .udp
    case ("tcp", "listen", _): self = .listener
    case ("tcp", "syn_recv", _): self = .request
    case ("tcp", _, "timewait"): self = .timeWait
    case ("tcp", _, _): self = .connection
    default: return nil
    }
  }

  init(_ socket: SSSocket) {
    switch (socket.netID, socket.state, socket.timer.first) {
    case ("udp", _, _): self = .udp
    case (_, "LISTEN", _): self = .listener
    case (_, "SYN-RECV", _): self = .request
    case (_, _, "timewait"): self = .timeWait
    default: self = .connection
    }
  }
}

extension SocketEnd {
  /// The end `local` or `remote` of a row; nil if the row has none.
  init?(_ row: Row, _ side: String) throws {
    guard let text = row.text("\(side)_address"), let port = row.number("\(side)_port") else {
      return nil
    }
    let family = text.contains(":") ? AF_INET6 : AF_INET
    var bytes = [UInt8](repeating: 0, count: family == AF_INET ? 4 : 16)
    // SAFETY: inet_pton writes the bytes of an address of the family.
    guard inet_pton(family, text, &bytes) == 1 else {
      throw MalformedText(what: "address", text: text)
    }
    self.init(address: bytes, port: UInt16(port))
  }

  /// What the fixture says.
  init(fact: Facts) throws {
    self.init(address: try fact["address_hex"].bytes, port: UInt16(try fact["port"].int))
  }
}

/// What the kernel's own tables say of a socket.
private struct KnownSocket {
  let ss: SSSocket
  let proc: ProcSocket

  private struct Key: Hashable {
    let isTCP: Bool
    let local, remote: SocketEnd
    let inode: UInt64
  }

  /// All in the network namespace of a process, by cookie; only those that both tables show.
  static func all(of pid: Int32) throws -> [UInt64: KnownSocket] {
    let listed = try SSSocket.all(in: pid)
    let lines = try SocketTable.allCases.flatMap { try ProcSocket.all($0, in: pid) }
    let byKey = Dictionary(
      lines.map {
        let isTCP = $0.table == .tcp || $0.table == .tcp6
        return (Key(isTCP: isTCP, local: $0.local, remote: $0.remote, inode: $0.inode), $0)
      }, uniquingKeysWith: { first, _ in first })
    let known = listed.compactMap { socket in
      byKey[
        Key(
          isTCP: socket.netID == "tcp", local: socket.local, remote: socket.remote,
          inode: socket.inode)
      ].map { (socket.cookie, KnownSocket(ss: socket, proc: $0)) }
    }
    return Dictionary(known, uniquingKeysWith: { first, _ in first })
  }
}

/// The sockets of a network namespace: as the kernel's tables say, as kiter says, and as the tables
/// say again.
struct SocketReading {
  private let before, after: [UInt64: KnownSocket]
  private let rows: [UInt64: Row]
  private let namespace: Int64
  private let users: [Int64: String]
  /// The cookies of the sockets that were there the whole time.
  let cookies: Set<UInt64>

  /// Reads three times.
  init(_ pid: Int32) throws {
    namespace = Int64(try ProcFiles.linkNumber("/proc/\(pid)/ns/net"))
    users = try Self.users()
    let before = try KnownSocket.all(of: pid)
    let rows = try socketRows(of: pid, "--columns", "all")
    let after = try KnownSocket.all(of: pid)
    self.rows = Dictionary(
      rows.compactMap { row in row.hex("cookie").map { ($0, row) } },
      uniquingKeysWith: { first, _ in first })
    #expect(self.rows.count == rows.count, "a socket shows twice, or has no cookie")
    cookies = Set(before.keys).intersection(after.keys)
    (self.before, self.after) = (before, after)
  }

  private static func users() throws -> [Int64: String] {
    let lines = try ProcFiles.text("/etc/passwd").split(separator: "\n").map {
      $0.split(separator: ":", omittingEmptySubsequences: false)
    }
    return Dictionary(
      lines.compactMap { line in
        line.count > 2 ? Int64(line[2]).map { ($0, String(line[0])) } : nil
      }, uniquingKeysWith: { first, _ in first })
  }

  /// Compares each socket that is not in `done` and puts it there, if nothing moved meanwhile.
  func compare(_ comparison: inout FieldComparison, done: inout Set<UInt64>) throws {
    for cookie in cookies.subtracting(done) {
      guard let first = before[cookie], let second = after[cookie] else { continue }
      let name = "\(first.ss.netID) \(first.ss.state) \(first.ss.local) \(first.ss.remote)"
      comparison.compare("cookie", rows[cookie]?.hex("cookie"), cookie, in: name)
      guard let row = rows[cookie] else { continue }
      var pair = SocketPair(row: row, first: first, second: second, name: name)
      guard pair.isQuiet else { continue }
      try pair.compareAll(&comparison, namespace, users)
      if !pair.isSkipping { done.insert(cookie) }
    }
  }
}

/// A row, and what the tables said of the socket before and after.
private struct SocketPair {
  let row: Row
  let first, second: KnownSocket
  let name: String
  /// Was there a field of which the tables said two things?
  private(set) var isSkipping = false

  /// Did no segment come or go? Its counts may be the same twice and yet have been others between.
  var isQuiet: Bool {
    ["segs_in", "segs_out"].allSatisfy { first.ss.values[$0] == second.ss.values[$0] }
  }

  /// Compares a field if both tables' answers agree.
  private mutating func compare<Value: Equatable>(
    _ comparison: inout FieldComparison, _ field: String, _ found: Value?,
    _ expected: (KnownSocket) throws -> Value?
  ) rethrows {
    let value = try expected(first)
    guard try value == expected(second) else {
      isSkipping = true
      return
    }
    comparison.compare(field, found, value, in: name)
  }

  mutating func compareAll(
    _ comparison: inout FieldComparison, _ namespace: Int64, _ users: [Int64: String]
  ) throws {
    comparison.compare("net_ns", row.number("net_ns"), namespace, in: name)
    try compareIdentity(&comparison, users)
    compareQueues(&comparison)
    try compareConnection(&comparison)
    compareTimer(&comparison)
  }

  private mutating func compareIdentity(
    _ comparison: inout FieldComparison, _ users: [Int64: String]
  ) throws {
    compare(&comparison, "protocol", row.text("protocol")) { $0.ss.netID }
    compare(&comparison, "family", row.text("family")) {
      $0.proc.table == .tcp || $0.proc.table == .udp ? "inet" : "inet6"
    }
    compare(&comparison, "state", row.text("state")) { stateNames[$0.ss.state] }
    let (local, remote) = (try SocketEnd(row, "local"), try SocketEnd(row, "remote"))
    compare(&comparison, "local_address", local?.address) { $0.ss.local.address }
    compare(&comparison, "local_port", local?.port) { $0.ss.local.port }
    let peer = { (known: KnownSocket) in
      ["LISTEN", "UNCONN"].contains(known.ss.state) ? nil : known.ss.remote
    }
    compare(&comparison, "remote_address", remote?.address) { peer($0)?.address }
    compare(&comparison, "remote_port", remote?.port) { peer($0)?.port }
    let shownOwner = row.number("uid")
    let owner = { (known: KnownSocket) -> Int64? in
      // Before Linux 6.17 they say 0 of what nobody has accepted yet.
      if known.ss.inode == 0 && known.proc.uid == 0 { return shownOwner }
      return SocketKind(known.ss) == .timeWait ? nil : Int64(known.proc.uid)
    }
    compare(&comparison, "uid", shownOwner, owner)
    compare(&comparison, "user", row.text("user")) { owner($0).flatMap { users[$0] } }
    compare(&comparison, "inode", row.number("inode")) {
      $0.ss.inode == 0 ? nil : Int64($0.ss.inode)
    }
  }

  /// `ss` shows the two counts of a listener in the columns of the queues.
  private mutating func compareQueues(_ comparison: inout FieldComparison) {
    let kind = SocketKind(first.ss)
    let hasQueues = kind == .connection || kind == .udp
    let isListener = kind == .listener
    compare(&comparison, "receive_queue", row.number("receive_queue")) {
      hasQueues ? Int64($0.ss.receiveQueue) : nil
    }
    compare(&comparison, "send_queue", row.number("send_queue")) {
      hasQueues ? Int64($0.ss.sendQueue) : nil
    }
    compare(&comparison, "receive_queue", row.number("receive_queue")) {
      hasQueues ? Int64($0.proc.receiveQueue) : nil
    }
    compare(&comparison, "send_queue", row.number("send_queue")) {
      hasQueues ? Int64($0.proc.sendQueue) : nil
    }
    compare(&comparison, "accept_queue", row.number("accept_queue")) {
      isListener ? Int64($0.ss.receiveQueue) : nil
    }
    compare(&comparison, "backlog", row.number("backlog")) {
      isListener ? Int64($0.ss.sendQueue) : nil
    }
  }

  private mutating func compareConnection(_ comparison: inout FieldComparison) throws {
    let rtt = zip(["rtt_us", "rtt_variance_us"], 0...)
    for (field, index) in rtt {
      compare(&comparison, field, row.number(field).map { Self.milliseconds($0) }) {
        $0.ss.values["rtt"].map { String($0.split(separator: "/")[index]) }
      }
    }
    let isConnection = SocketKind(first.ss) == .connection
    func value(_ name: String) -> (KnownSocket) -> Int64? {
      { isConnection ? Int64($0.ss.values[name] ?? "0") : nil }
    }
    compare(&comparison, "cwnd", row.number("cwnd"), value("cwnd"))
    compare(&comparison, "mss", row.number("mss"), value("mss"))
    for field in ["bytes_sent", "bytes_received", "bytes_acked"] {
      compare(&comparison, field, row.number(field), value(field))
    }
    // Infinite is 0x7fffffff to the kernel, but `ss` leaves out all from 65535 on.
    let threshold = row.number("ssthresh").flatMap { (0xffff..<0x7fff_ffff) ~= $0 ? nil : $0 }
    compare(&comparison, "ssthresh", threshold) {
      $0.ss.values["ssthresh"].flatMap { Int64($0) }
    }
    compare(&comparison, "retransmits_total", row.number("retransmits_total")) {
      let total = $0.ss.values["retrans"]?.split(separator: "/").last ?? "0"
      return isConnection ? Int64(total) : nil
    }
    compare(&comparison, "retransmits", row.number("retransmits")) {
      switch SocketKind($0.ss) {
      case .connection: Int64($0.proc.retransmissions)
      // /proc/net/tcp counts how often the timer of a request fired, sent or not.
      case .request: $0.ss.timer.last.flatMap { Int64($0) }
      default: nil
      }
    }
    compare(&comparison, "congestion", row.text("congestion")) {
      isConnection || $0.ss.state == "LISTEN" ? $0.ss.congestion : nil
    }
  }

  /// As `ss` prints microseconds.
  private static func milliseconds(_ microseconds: Int64) -> String {
    String(format: "%g", Double(microseconds) / 1000)
  }

  /// The time must lie between those that the tables say before and after, which are rounded to
  /// hundredths of a second.
  private mutating func compareTimer(_ comparison: inout FieldComparison) {
    compare(&comparison, "timer", row.text("timer")) { $0.ss.timer.first }
    let (start, end) = (first.proc, second.proc)
    let isSame =
      first.ss.timer.first == second.ss.timer.first && start.timer == end.timer
      && start.retransmissions == end.retransmissions && end.timerTicks <= start.timerTicks
    guard isSame else {
      isSkipping = true
      return
    }
    let time = row.number("timer_expires_ms")
    if first.ss.timer.isEmpty {
      return comparison.compare("timer_expires_ms", time, nil, in: name)
    }
    let range = (end.timerTicks * 10 - 10)...(start.timerTicks * 10 + 10)
    let isWithin = time.map(range.contains) ?? false
    comparison.compare(
      "timer_expires_ms", isWithin ? nil : "\(time.map(String.init) ?? "null")",
      isWithin ? nil : "\(range)", in: name)
  }
}
