import Glibc

/// `sockets`: a network namespace of its own with sockets in every state that loopback can give.
func sockets(_ arguments: [String]) throws -> KnownState {
  try check("unshare", linuxUnshare(Linux.cloneNewNetwork))
  try bringLoopbackUp()
  let directory = try TemporaryDirectory()
  var stage = SocketStage()
  for address in [SocketAddress.loopback4, .loopback6] {
    try stage.addOpening(address)
    try stage.addQueues(address)
    try stage.addClosing(address)
    try stage.addGone(address)
    try stage.addDatagrams(address)
  }
  try stage.addMapped()
  try stage.addUnix(in: directory)
  return KnownState(
    facts: [
      "network_namespace": .number(try inode("/proc/self/ns/net")),
      "sockets": .array(try stage.entries()),
    ],
    resources: [directory])
}

/// The states of a TCP socket by the kernel's numbers.
enum TCPState: UInt8 {
  case established = 1
  case synSent, synReceived, finWait1, finWait2, timeWait, close, closeWait, lastAck, listen,
    closing

  /// As `ss` prints it.
  var name: String {
    switch self {
    case .established: "ESTAB"
    case .synSent: "SYN-SENT"
    case .synReceived: "SYN-RECV"
    case .finWait1: "FIN-WAIT-1"
    case .finWait2: "FIN-WAIT-2"
    case .timeWait: "TIME-WAIT"
    case .close: "UNCONN"
    case .closeWait: "CLOSE-WAIT"
    case .lastAck: "LAST-ACK"
    case .listen: "LISTEN"
    case .closing: "CLOSING"
    }
  }
}

/// The sockets made so far: those with a descriptor, and those that only the kernel still has.
private struct SocketStage {
  private var open: [(role: String, fd: Int32, state: TCPState?)] = []
  private var detached: [JSON] = []

  /// Keeps a socket and waits until it is in the state: the answer of the peer may be on its way.
  mutating func add(_ role: String, _ fd: Int32, _ state: TCPState? = nil) throws {
    var attempts = 0
    while let state, try TCP.state(fd) != state.rawValue {
      attempts += 1
      guard attempts < 5000 else {
        let found = TCPState(rawValue: try TCP.state(fd))?.name ?? "unknown"
        throw SystemError(call: "\(role): \(found) for \(state.name)", code: ETIMEDOUT)
      }
      // The kernel tells nobody of most changes of state, so ask again in a millisecond.
      poll(nil, 0, 1)
    }
    open.append((role, fd, state))
  }

  /// Notes a socket that has no descriptor.
  mutating func addDetached(
    _ role: String, _ state: TCPState, local: SocketAddress, remote: SocketAddress
  ) {
    detached.append([
      "role": .string(role), "protocol_name": "tcp", "state": .number(state.rawValue),
      "state_name": .string(state.name), "local": local.json, "remote": remote.json,
      "family": .number(local.family), "inode": 0,
    ])
  }

  /// What is known of every socket, asked for once all are as they shall stay.
  func entries() throws -> [JSON] {
    for (_, fd, state) in open where state != nil { waitUntilSteady(fd) }
    return try open.map { try entry($0.role, $0.fd, $0.state) } + detached
  }

  private func entry(_ role: String, _ fd: Int32, _ state: TCPState?) throws -> JSON {
    var status = stat()
    // SAFETY: fstat fills the structure.
    try check("fstat", fstat(fd, &status))
    let entry: JSON = [
      "role": .string(role), "fd": .number(fd), "inode": .number(status.st_ino),
      "state_name": state.map { .string($0.name) } ?? .null,
      "protocol_name": .string(
        role.hasPrefix("unix") ? "unix" : role.hasPrefix("udp") ? "udp" : "tcp"),
      "receive_queue": .number(queue(fd, Queue.unread)),
      "send_queue": .number(queue(fd, Queue.unsent)),
    ]
    return entry.merging(socketFacts(fd)).merging(try state.map { try tcpQueues(fd, $0) } ?? [:])
  }
}

/// The queue ioctls; a socket that listens has none.
private enum Queue {
  static let unread: UInt = 0x541b
  static let unsent: UInt = 0x5411
}

private func queue(_ socket: Int32, _ request: UInt) -> Int32 {
  var bytes: Int32 = 0
  // SAFETY: both requests store one int.
  return ioctl(socket, request, &bytes) == 0 ? bytes : 0
}

/// The queues as the kernel's tables count them: a SYN or a FIN is a byte there, not in the ioctls,
/// and a listener counts the connections that wait and how many may.
private func tcpQueues(_ socket: Int32, _ state: TCPState) throws -> [String: JSON] {
  switch state {
  case .listen:
    let information = try TCP.information(socket)
    return ["receive_queue": .number(information[6]), "send_queue": .number(information[7])]
  case .synSent: return ["send_queue": 1]
  case .closeWait, .lastAck, .closing:
    return ["receive_queue": .number(queue(socket, Queue.unread) + 1)]
  default: return [:]
  }
}

/// Waits until no byte has moved for some milliseconds.
private func waitUntilSteady(_ socket: Int32) {
  var (before, same) = ((Int32(-1), Int32(-1)), 0)
  while same < 3 {
    let now = (queue(socket, Queue.unread), queue(socket, Queue.unsent))
    same = now == before ? same + 1 : 0
    before = now
    poll(nil, 0, 1)
  }
}

extension SocketStage {
  /// LISTEN, un-accepted connections, SYN-SENT and SYN-RECV.
  mutating func addOpening(_ address: SocketAddress) throws {
    let listener = try TCP.listen(on: address, backlog: 7)
    for index in 0..<2 {
      let client = try TCP.connect(to: listener)
      try add("waiting_client_\(index)", client, .established)
      addDetached(
        "unaccepted_\(index)", .established, local: try SocketAddress(remoteOf: client),
        remote: try SocketAddress(localOf: client))
    }
    try add("listen_with_two_waiting", listener, .listen)
    try addSynSent(address)
    try addSynReceived(address)
  }

  /// A listener whose queue holds one connection, which is there, drops every further SYN.
  private mutating func addSynSent(_ address: SocketAddress) throws {
    let full = try TCP.listen(on: address, backlog: 0)
    try add("listen_full", full, .listen)
    let client = try TCP.connect(to: full)
    try add("full_client", client, .established)
    addDetached(
      "full_unaccepted", .established, local: try SocketAddress(remoteOf: client),
      remote: try SocketAddress(localOf: client))
    let late = try TCP.socket(address.family)
    _ = fcntl(late, F_SETFL, O_NONBLOCK)
    try connectSocket(late, try SocketAddress(localOf: full))
    try add("syn_sent", late, .synSent)
  }

  /// With TCP_DEFER_ACCEPT the connection stays a request until its client sends data.
  private mutating func addSynReceived(_ address: SocketAddress) throws {
    let listener = try TCP.listen(on: address)
    let (deferAccept, seconds): (Int32, Int32) = (9, 3600)
    try setOption(listener, Int32(IPPROTO_TCP), deferAccept, seconds)
    try add("listen_deferred", listener, .listen)
    let client = try TCP.connect(to: listener)
    try add("deferred_client", client, .established)
    addDetached(
      "syn_received", .synReceived, local: try SocketAddress(remoteOf: client),
      remote: try SocketAddress(localOf: client))
  }

  /// ESTABLISHED with unread bytes, and with as many as fit unread and the rest unsent.
  mutating func addQueues(_ address: SocketAddress) throws {
    let idle = try pair(address)
    try add("idle_client", idle.client, .established)
    try add("idle_server", idle.server, .established)
    let unread = try pair(address)
    writeAll([UInt8](repeating: 0x75, count: 1000), to: unread.client)
    try add("unread_client", unread.client, .established)
    try add("unread_server", unread.server, .established)
    let stuck = try pair(address)
    fill(stuck.client)
    try add("stuck_client", stuck.client, .established)
    try add("stuck_server", stuck.server, .established)
  }

  /// The states on the way to the end, held by a peer that does not read or does not close.
  mutating func addClosing(_ address: SocketAddress) throws {
    let half = try pair(address)
    try finish(half.client)
    try add("fin_wait_2", half.client, .finWait2)
    try add("close_wait", half.server, .closeWait)

    // The FIN waits behind bytes that the peer has no room for.
    let first = try pair(address)
    fill(first.client)
    try finish(first.client)
    try add("fin_wait_1", first.client, .finWait1)
    try add("fin_wait_1_peer", first.server, .established)

    let last = try pair(address)
    try finish(last.client)
    fill(last.server)
    try finish(last.server)
    try add("last_ack", last.server, .lastAck)
    try add("last_ack_peer", last.client, .finWait2)

    // Both have closed, but only one FIN could get through.
    let both = try pair(address)
    fill(both.client)
    try finish(both.client)
    try finish(both.server)
    try add("closing", both.client, .closing)
    try add("closing_peer", both.server, .finWait2)
  }

  /// Sockets that no process holds: TIME-WAIT, and two orphans.
  mutating func addGone(_ address: SocketAddress) throws {
    let done = try pair(address)
    addDetached("time_wait", .timeWait, of: try ends(done.client))
    close(done.client)
    try add("time_wait_peer", done.server, .closeWait)
    try closeLast()

    // Closed while the peer stays: the kernel keeps a small socket that shows as FIN-WAIT-2.
    let half = try pair(address)
    addDetached("orphan_fin_wait_2", .finWait2, of: try ends(half.client))
    close(half.client)
    try add("orphan_fin_wait_2_peer", half.server, .closeWait)

    // Closed with bytes left to send: the whole socket lives on without an inode.
    let stuck = try pair(address)
    fill(stuck.client)
    addDetached("orphan_fin_wait_1", .finWait1, of: try ends(stuck.client))
    close(stuck.client)
    try add("orphan_fin_wait_1_peer", stuck.server, .established)
  }

  private mutating func addDetached(
    _ role: String, _ state: TCPState, of ends: (local: SocketAddress, remote: SocketAddress)
  ) {
    addDetached(role, state, local: ends.local, remote: ends.remote)
  }

  /// Closes the socket that was added last and forgets it.
  private mutating func closeLast() throws {
    if let last = open.popLast() { try check("close", close(last.fd)) }
  }

  /// UDP: with datagrams queued, and connected.
  mutating func addDatagrams(_ address: SocketAddress) throws {
    let receiver = try UDP.bound(to: address)
    let sender = try UDP.connected(to: try SocketAddress(localOf: receiver))
    for _ in 0..<3 { writeAll([UInt8](repeating: 0x64, count: 100), to: sender) }
    try add("udp_three_datagrams_of_100", receiver)
    try add("udp_connected", sender)
    try add("udp_bound", try UDP.bound(to: address))
  }

  /// IPv4 through IPv6 sockets.
  mutating func addMapped() throws {
    let listener = try TCP.listen(on: .any6)
    try add("mapped_listen", listener, .listen)
    var address = SocketAddress.loopback4
    address.port = try SocketAddress(localOf: listener).port
    let client = try TCP.socket(AF_INET)
    try connectSocket(client, address)
    try add("mapped_client", client, .established)
    try add("mapped_server", try TCP.accept(listener), .established)
  }

  /// Unix sockets: connected pairs of each type, a listener with a connection that waits, an abstract
  /// name, a named datagram socket with messages that wait, and ends that are shut down.
  mutating func addUnix(in directory: TemporaryDirectory) throws {
    let ends = try unixPair()
    writeAll("five!", to: ends.0)
    try add("unix_pair_sender", ends.0)
    try add("unix_pair_receiver", ends.1)
    let path = "\(directory.path)/socket"
    try add("unix_listen", try listenUnix(Array(path.utf8) + [0]))
    try add("unix_waiting_client", try connectUnix(Array(path.utf8) + [0]))
    try add("unix_abstract", try listenUnix([0] + Array("kiter\0fixture \(getpid())".utf8)))
    let packets = try unixPair(SOCK_SEQPACKET)
    for _ in 0..<2 { writeAll("packet", to: packets.0) }
    try add("unix_seqpacket_sender", packets.0)
    try add("unix_seqpacket_receiver", packets.1)
    let receiver = try bindUnix(Array("\(directory.path)/datagrams".utf8) + [0])
    let sender = try connectUnix(Array("\(directory.path)/datagrams".utf8) + [0], SOCK_DGRAM)
    for text in ["seven..", "three"] { writeAll(text, to: sender) }
    try add("unix_datagram_receiver", receiver)
    try add("unix_datagram_sender", sender)
    // The receiver counts as connected, too, once a sender is.
    try add("unix_datagram_bound", try bindUnix(Array("\(directory.path)/bound".utf8) + [0]))
    let half = try unixPair()
    try finish(half.0)
    try add("unix_shut_for_sending", half.0)
    try add("unix_shut_for_receiving", half.1)
    try add("unix_unconnected", try openSocket(AF_UNIX, Int32(SOCK_STREAM.rawValue)))
  }
}

/// A connected pair whose buffers are small, so that little fills them.
private func pair(_ address: SocketAddress) throws -> (client: Int32, server: Int32) {
  let listener = try TCP.listen(on: address)
  defer { close(listener) }
  let client = try TCP.socket(address.family)
  // Accepted sockets inherit the options of the listener.
  for socket in [listener, client] {
    try setOption(socket, SOL_SOCKET, SO_RCVBUF, 4096)
    try setOption(socket, SOL_SOCKET, SO_SNDBUF, 16384)
  }
  try connectSocket(client, try SocketAddress(localOf: listener))
  return (client, try TCP.accept(listener))
}

private func ends(_ socket: Int32) throws -> (local: SocketAddress, remote: SocketAddress) {
  (try SocketAddress(localOf: socket), try SocketAddress(remoteOf: socket))
}

/// Sends until neither the peer's buffer nor the own takes more.
private func fill(_ socket: Int32) {
  _ = fcntl(socket, F_SETFL, O_NONBLOCK)
  let bytes = [UInt8](repeating: 0x66, count: 4096)
  var refused = 0
  while refused < 3 {
    // SAFETY: write is given the buffer and its length.
    if write(socket, bytes, bytes.count) > 0 { refused = 0 } else { refused += 1 }
    // What was sent may yet make room.
    if refused > 0 { poll(nil, 0, 1) }
  }
}

/// Says that there is no more to send.
private func finish(_ socket: Int32) throws {
  try check("shutdown", shutdown(socket, Int32(SHUT_WR)))
}

/// A new network namespace has its loopback interface down.
private func bringLoopbackUp() throws {
  let socket = try openSocket(AF_INET, Int32(SOCK_DGRAM.rawValue))
  defer { close(socket) }
  let setFlags: UInt = 0x8914
  // struct ifreq: sixteen bytes of name, then the flags in a union of 24 bytes. IFF_UP is 1.
  var request = Array("lo".utf8) + [UInt8](repeating: 0, count: 38)
  // SAFETY: the bytes of the number are copied, here and when the kernel reads the whole structure.
  request.replaceSubrange(16..<18, with: withUnsafeBytes(of: UInt16(1), Array.init))
  // SAFETY: the kernel reads the 40 bytes of the structure.
  try check("ioctl SIOCSIFFLAGS", ioctl(socket, setFlags, &request))
}
