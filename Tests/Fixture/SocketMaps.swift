import Glibc

/// `socket-maps`: maps of sockets, an array and a hash, and one that stores a number with sockets.
///
/// Facts are the columns of `kiter sockmaps` and `kiter socket-storage` that are not null.
func socketMaps(_ arguments: [String]) throws -> KnownState {
  let array = try BPF.map("kt_sockets", type: 15)
  let hash = try BPF.map("kt_socket_hash", type: 18, keySize: 8)
  let storage = try BPF.storageOfSockets("kt_storage")
  let network = try fileStatus(try openFile("/proc/self/ns/net")).st_ino
  var (elements, stored): ([JSON], [JSON]) = ([], [])
  for (index, socket) in try madeSockets().enumerated() {
    let facts = socket.facts.merging(["net_ns": .number(network)])
    let (place, key) = (2 * index, [UInt8](repeating: UInt8(0xa0 + index), count: 8))
    let placeBytes = Attributes(size: 4).with(place, at: 0).bytes
    try BPF.update(
      array, key: placeBytes, value: Attributes(size: 4).with(Int(socket.number), at: 0))
    try BPF.update(hash, key: key, value: Attributes(size: 4).with(Int(socket.number), at: 0))
    let own: [(Int32, [String: JSON])] = [
      (array, ["index": .number(place), "key_hex": .hex(placeBytes)]),
      (hash, ["key_hex": .hex(key)]),
    ]
    for (map, its) in own {
      elements.append(
        facts.merging(its).merging(["map_id": .number(try BPF.info("map_id", of: map))]))
    }
    let value = Attributes(size: 4).with(1000 + index, at: 0)
    try BPF.update(
      storage, key: Attributes(size: 4).with(Int(socket.number), at: 0).bytes, value: value)
    stored.append(
      facts.merging([
        "map_id": .number(try BPF.info("map_id", of: storage)), "value": .number(1000 + index),
        "value_hex": .hex(value.bytes),
      ]))
  }
  return KnownState(facts: ["sockmaps": .array(elements), "socket_storage": .array(stored)])
}

private func fileStatus(_ descriptor: Int32) throws(SystemError) -> stat {
  var status = stat()
  // SAFETY: fstat fills the structure.
  try check("fstat", fstat(descriptor, &status))
  return status
}

/// A socket, and what is known of it.
private struct MadeSocket {
  let number: Int32
  let facts: JSON

  init(_ number: Int32, _ facts: [String: JSON]) throws(SystemError) {
    self.number = number
    let status = try fileStatus(number)
    let known: [String: JSON] = [
      "cookie": cookie(number).map { .string("0x" + String($0, radix: 16)) } ?? .null,
      "inode": .number(status.st_ino),
      "uid": .number(status.st_uid), "user": .string("root"),
    ]
    self.facts = JSON.object(facts).merging(known)
  }

  /// One of the internet, bound to this loopback address.
  init(_ number: Int32, _ type: String, _ state: String, _ family: String, _ address: String)
    throws(SystemError)
  {
    var facts: [String: JSON] = [
      "protocol": .string(type == "stream" ? "tcp" : "udp"), "type": .string(type),
      "state": .string(state), "family": .string(family), "local_address": .string(address),
      "local_port": .number(try SocketAddress(localOf: number).port),
    ]
    if state == "established" {
      facts["remote_address"] = .string(address)
      facts["remote_port"] = .number(try SocketAddress(remoteOf: number).port)
    }
    try self.init(number, facts)
  }
}

/// One of each kind that a map takes.
private func madeSockets() throws -> [MadeSocket] {
  let listener = try TCP.listen(on: .loopback4)
  let receiver = try UDP.bound(to: .loopback6)
  let sender = try UDP.connected(to: try SocketAddress(localOf: receiver))
  let client = try TCP.connectedPair(to: listener).client
  let unix: [String: JSON] = [
    "family": .string("unix"), "type": .string("stream"), "state": .string("established"),
  ]
  return [
    try MadeSocket(listener, "stream", "listen", "inet", "127.0.0.1"),
    try MadeSocket(client, "stream", "established", "inet", "127.0.0.1"),
    try MadeSocket(sender, "dgram", "established", "inet6", "::1"),
    try MadeSocket(try unixPair().0, unix),
  ]
}
