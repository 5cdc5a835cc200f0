import Glibc

/// `tcp N`: N connected TCP sockets and their listener, in a network namespace of their own.
func manyConnections(_ arguments: [String]) throws -> KnownState {
  let count = try number(arguments, at: 0)
  try raiseLimits(files: count)
  try check("unshare", linuxUnshare(Linux.cloneNewNetwork))
  try raiseLoopback()
  let listener = try TCP.listen(on: .loopback4, backlog: 128)
  for _ in 0..<count / 2 { _ = try TCP.connectedPair(to: listener) }
  return KnownState(facts: ["sockets": .number(count / 2 * 2 + 1)])
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
