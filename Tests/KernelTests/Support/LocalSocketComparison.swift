import Foundation
import Glibc
import Testing

/// Unix and netlink sockets: a row of `kiter sockets`, and what ss and /proc say of them.
struct LocalSocketComparison {
  private let pid: Int32
  private let rows: [UInt64: Row]

  /// Reads the sockets in the network namespace of a process.
  init(_ pid: Int32) throws {
    self.pid = pid
    let rows = try socketRows(of: pid, "--unix", "--netlink", "--columns", "all")
    self.rows = Dictionary(
      rows.compactMap { row in row.number("inode").map { (UInt64($0), row) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// Compares all fields that only these sockets have; the number of sockets that were compared.
  func compare(_ comparison: inout FieldComparison) throws -> (unix: Int, netlink: Int) {
    (try compareUnix(&comparison), try compareNetlink(&comparison))
  }

  private func compareUnix(_ comparison: inout FieldComparison) throws -> Int {
    let listed = try SSUnixSocket.all(in: pid)
    for socket in try ProcUnixSocket.all(in: pid) where socket.inode != 0 {
      let name = "unix \(socket.inode)"
      let row = try #require(rows[socket.inode], "\(name) is missing")
      let types = [1: "stream", 2: "dgram", 5: "seqpacket"]
      comparison.compare("type", row.text("type"), types[Int(socket.type)], in: name)
      let path = row.bytes("path")?.map { $0 == 0 ? UInt8(ascii: "@") : $0 }
      comparison.compare("path", path, socket.path.isEmpty ? nil : socket.path, in: name)
      guard let known = listed[socket.inode] else { continue }
      comparison.compare("state", row.text("state"), stateNames[known.state], in: name)
      let peer = known.peer == 0 ? nil : Int64(known.peer)
      comparison.compare("peer_inode", row.number("peer_inode"), peer, in: name)
      comparison.compare("shutdown", row.list("shutdown"), known.shutdown, in: name)
      let queues =
        known.state == "LISTEN" ? ("accept_queue", "backlog") : ("receive_queue", "send_queue")
      comparison.compare(queues.0, row.number(queues.0), known.receiveQueue, in: name)
      comparison.compare(queues.1, row.number(queues.1), known.sendQueue, in: name)
    }
    return listed.count
  }

  private func compareNetlink(_ comparison: inout FieldComparison) throws -> Int {
    let sockets = try ProcNetlinkSocket.all(in: pid).filter { $0.inode != 0 }
    let protocols = [0: "route", 4: "sock_diag", 9: "audit", 16: "generic"]
    for socket in sockets {
      let name = "netlink \(socket.inode)"
      let row = try #require(rows[socket.inode], "\(name) is missing")
      if let expected = protocols[socket.netlinkProtocol] {
        comparison.compare("netlink_protocol", row.text("netlink_protocol"), expected, in: name)
      }
      comparison.compare("port_id", row.number("port_id"), Int64(socket.portID), in: name)
      // The line has the first 32 groups.
      let groups = row.hex("groups").map { UInt32(truncatingIfNeeded: $0) }
      comparison.compare("groups", groups, socket.groups, in: name)
      comparison.compare("drops", row.number("drops"), Int64(socket.drops), in: name)
      comparison.compare(
        "receive_queue", row.number("receive_queue"), socket.receiveBytes, in: name)
    }
    return sockets.count
  }
}

/// A Unix socket as `ss -xae` prints it.
struct SSUnixSocket {
  let state: String
  let receiveQueue, sendQueue: Int64
  let peer: UInt64
  /// Directions that are closed: of the arrow's two heads, those that it lacks.
  let shutdown: [String]

  /// The sockets in the network namespace of a process, by inode.
  static func all(in pid: Int32) throws -> [UInt64: SSUnixSocket] {
    let enter = ["nsenter", "--target", "\(pid)", "--net"]
    let output = try Command.run(enter + ["ss", "-H", "-O", "-xae"])
    guard output.status == 0 else { throw MalformedText(what: "ss", text: output.stderr) }
    let sockets = try output.text.split(separator: "\n").map { try parse(words(String($0))) }
    return Dictionary(sockets, uniquingKeysWith: { first, _ in first })
  }

  /// Netid, state, two queues, a name and an inode, `*` and the peer's inode, an arrow.
  private static func parse(_ words: [Substring]) throws -> (UInt64, SSUnixSocket) {
    let last = words.indices.dropFirst(5).last { words[$0] == "*" }
    guard let star = last, star + 1 < words.count else {
      throw MalformedText(what: "ss", text: words.joined(separator: " "))
    }
    let arrow = words.first { ["<->", "-->", "<--", "---"].contains($0) } ?? "<->"
    let socket = SSUnixSocket(
      state: String(words[1]), receiveQueue: try parseNumber(words[2], "queue"),
      sendQueue: try parseNumber(words[3], "queue"),
      peer: try parseNumber(words[star + 1], "peer"),
      shutdown: (arrow.first == "<" ? [] : ["receive"]) + (arrow.last == ">" ? [] : ["send"]))
    return (try parseNumber(words[star - 1], "inode"), socket)
  }
}
