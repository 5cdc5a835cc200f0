import Glibc

/// `socket-options`: sockets with what no socket has by itself: another user's, with a keepalive
/// timer, with a lost segment, with a datagram in the making.
///
/// They are in the network namespace of the caller.
func socketOptions(_ arguments: [String]) throws -> KnownState {
  let owner: uid_t = 4321
  var sockets: [(role: String, fd: Int32)] = []
  let listener = try TCP.listen(on: .loopback4)
  try give(listener, to: owner)
  sockets.append(("owned_listener", listener))
  sockets.append(("owned_waiting_client", try TCP.connect(to: listener)))
  sockets += try ownedRequest(owner)
  let alive = try TCP.connect(to: listener)
  try setOption(alive, SOL_SOCKET, SO_KEEPALIVE, 1)
  sockets.append(("keepalive", alive))
  sockets += try lossy()
  sockets.append(("udp_corked", try corked()))
  sockets.append(("udp_partly_read", try partlyRead()))
  return KnownState(facts: [
    "owner": .number(owner),
    "sockets": .array(
      try sockets.map { role, fd in
        let facts: JSON = ["role": .string(role), "inode": .number(try inode(of: fd))]
        return facts.merging(socketFacts(fd))
      }),
  ])
}

/// The user who owns a socket's inode owns the socket, and what a listener accepts.
private func give(_ socket: Int32, to owner: uid_t) throws {
  try check("fchown", fchown(socket, owner, gid_t.max))
}

/// A connection that stays a request: TCP_DEFER_ACCEPT waits for its first byte.
private func ownedRequest(_ owner: uid_t) throws -> [(role: String, fd: Int32)] {
  let listener = try TCP.listen(on: .loopback6)
  try give(listener, to: owner)
  let (deferAccept, seconds): (Int32, Int32) = (9, 3600)
  try setOption(listener, Int32(IPPROTO_TCP), deferAccept, seconds)
  return [
    ("owned_deferred_listener", listener), ("deferred_client", try TCP.connect(to: listener)),
  ]
}

/// A SYN that a full listener drops; the algorithm is one that lowers its threshold for a loss.
private func lossy() throws -> [(role: String, fd: Int32)] {
  let full = try TCP.listen(on: .loopback4, backlog: 0)
  let first = try TCP.connect(to: full)
  let late = try TCP.socket(AF_INET)
  let (congestion, name): (Int32, String) = (13, "reno")
  try check(
    "setsockopt TCP_CONGESTION",
    setsockopt(late, Int32(IPPROTO_TCP), congestion, name, socklen_t(name.utf8.count)))
  _ = fcntl(late, F_SETFL, O_NONBLOCK)
  try connectSocket(late, try SocketAddress(localOf: full))
  // The third byte of struct tcp_info counts retransmissions; the first comes after a second.
  while try TCP.information(late)[0].littleEndian >> 16 & 0xff == 0 { poll(nil, 0, 10) }
  return [("full_listener", full), ("full_client", first), ("lossy", late)]
}

/// A datagram that waits for more before it is sent.
private func corked() throws -> Int32 {
  let receiver = try UDP.bound(to: .loopback4)
  let sender = try UDP.connected(to: try SocketAddress(localOf: receiver))
  let (more, bytes): (Int32, [UInt8]) = (0x8000, [UInt8](repeating: 0x63, count: 100))
  // SAFETY: send is given the buffer and its length.
  try check("send", send(sender, bytes, bytes.count, more))
  return sender
}

/// One of three datagrams was read: its memory is not given back before the others are.
private func partlyRead() throws -> Int32 {
  let receiver = try UDP.bound(to: .loopback6)
  let sender = try UDP.connected(to: try SocketAddress(localOf: receiver))
  var bytes = [UInt8](repeating: 0x64, count: 100)
  for _ in 0..<3 { writeAll(bytes, to: sender) }
  // SAFETY: read is given the buffer and its length.
  try check("read", read(receiver, &bytes, bytes.count))
  return receiver
}

private func inode(of descriptor: Int32) throws -> ino_t {
  var status = stat()
  // SAFETY: fstat fills the structure.
  try check("fstat", fstat(descriptor, &status))
  return status.st_ino
}
