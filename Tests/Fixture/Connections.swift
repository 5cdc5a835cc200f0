import Glibc

/// `tcp N`: N connected TCP sockets and their listeners, in a network namespace of their own. Several
/// processes have them, where one may not open so many files.
func manyConnections(_ arguments: [String]) throws -> KnownState {
  let pairs = try number(arguments, at: 0) / 2
  try check("unshare", linuxUnshare(Linux.cloneNewNetwork))
  try raiseLoopback()
  let most = 8000
  if pairs <= most {
    try connect(pairs)
    return KnownState(facts: ["sockets": .number(pairs * 2 + 1)])
  }
  let parts = stride(from: 0, to: pairs, by: most).map { min(most, pairs - $0) }
  let children = try parts.map { part in
    let ready = try Announcement()
    let child = try Child {
      try connect(part)
      ready.send("connected")
      sleepForEver()
    }
    guard ready.receive() == "connected" else { throw SystemError(call: "connect", code: EMFILE) }
    return child
  }
  return KnownState(
    facts: ["sockets": .number(pairs * 2 + parts.count)], resources: children)
}

private func connect(_ pairs: Int) throws {
  try raiseLimits(files: 2 * pairs)
  let listener = try TCP.listen(on: .loopback4, backlog: 128)
  for _ in 0..<pairs { _ = try TCP.connectedPair(to: listener) }
}

/// A new network namespace has a loopback device, which is down.
private func raiseLoopback() throws {
  let setFlags: UInt = 0x8914
  let isUp: UInt8 = 1
  // struct ifreq: a name of 16 bytes, then the flags.
  var request = Array("lo".utf8) + [UInt8](repeating: 0, count: 38)
  request[16] = isUp
  let socket = try openSocket(AF_INET, Int32(SOCK_DGRAM.rawValue))
  defer { close(socket) }
  // SAFETY: the array has the 40 bytes of a struct ifreq.
  try check("ioctl SIOCSIFFLAGS", ioctl(socket, setFlags, &request))
}
