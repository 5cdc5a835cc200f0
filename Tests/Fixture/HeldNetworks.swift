import Glibc

/// `held-networks`: network namespaces that no process is in: one that a descriptor keeps, one that
/// a socket keeps, and one that a thread is in.
///
/// Facts: each with its inode, and the port of the TCP socket that listens there, if there is one.
func heldNetworks(_ arguments: [String]) throws -> KnownState {
  let own = "/proc/thread-self/ns/net"
  let home = try openFile(own)
  try check("unshare", linuxUnshare(Linux.cloneNewNetwork))
  _ = try openFile(own)
  let byFile: JSON = ["role": "file", "net_ns": .number(try inode(own))]
  try check("unshare", linuxUnshare(Linux.cloneNewNetwork))
  let bySocket = try listening("socket")
  try check("setns", linuxSetns(home, Linux.cloneNewNetwork))
  let answer = try makePipe()
  try startThread {
    do {
      try check("unshare", linuxUnshare(Linux.cloneNewNetwork))
      let socket = try TCP.listen(on: .any4)
      writeAll("\(try inode(own)) \(try SocketAddress(localOf: socket).port)", to: answer.write)
    } catch {
      complain("kiter-fixture held-networks: \(error)")
      exit(1)
    }
    sleepForEver()
  }
  var text = [UInt8](repeating: 0, count: 64)
  // SAFETY: read is given the size of the buffer.
  let count = try check("read", read(answer.read, &text, text.count))
  let words = String(decoding: text.prefix(count), as: UTF8.self).split(separator: " ")
  return KnownState(facts: [
    "networks": [
      byFile, bySocket,
      [
        "role": "thread", "net_ns": .digits(String(words[0])), "port": .digits(String(words[1])),
      ],
    ]
  ])
}

private func listening(_ role: String) throws -> JSON {
  let port = try SocketAddress(localOf: try TCP.listen(on: .any4)).port
  return [
    "role": .string(role), "net_ns": .number(try inode("/proc/thread-self/ns/net")),
    "port": .number(port),
  ]
}
