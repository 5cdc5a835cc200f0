import Glibc

/// An address of an internet socket in the forms that a test compares.
struct SocketAddress {
  static let loopback4 = SocketAddress(family: AF_INET, bytes: [127, 0, 0, 1])
  static let any4 = SocketAddress(family: AF_INET, bytes: [0, 0, 0, 0])
  static let loopback6 = SocketAddress(
    family: AF_INET6, bytes: [UInt8](repeating: 0, count: 15) + [1])
  static let any6 = SocketAddress(family: AF_INET6, bytes: [UInt8](repeating: 0, count: 16))

  let family: Int32
  /// In network order: four or sixteen.
  let bytes: [UInt8]
  var port: UInt16 = 0

  /// The address that `bind`, `connect` and the like take.
  var raw: [UInt8] {
    let head = familyBytes + [UInt8(port >> 8), UInt8(port & 0xff)]
    let zeros = [UInt8](repeating: 0, count: 8)
    return family == AF_INET
      ? head + bytes + zeros : head + zeros.prefix(4) + bytes + zeros.prefix(4)
  }

  /// The address and the port as facts.
  var json: JSON {
    ["address_hex": .hex(bytes), "port": .number(port), "family": .number(family)]
  }

  // sa_family is in the order of the host.
  private var familyBytes: [UInt8] {
    let family = UInt16(family).littleEndian
    return [UInt8(family & 0xff), UInt8(family >> 8)]
  }
}

extension SocketAddress {
  /// The address that the socket is bound to.
  init(localOf socket: Int32) throws(SystemError) {
    try self.init("getsockname", getsockname, socket)
  }

  /// The address that the socket is connected to.
  init(remoteOf socket: Int32) throws(SystemError) {
    try self.init("getpeername", getpeername, socket)
  }

  private typealias Query = (
    Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>
  ) -> Int32

  private init(_ name: String, _ query: Query, _ socket: Int32) throws(SystemError) {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    // SAFETY: a sockaddr_storage holds any address, and its size is passed.
    let result = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { query(socket, $0, &size) }
    }
    try check(name, result)
    // SAFETY: the bytes of the structure are copied.
    let raw = withUnsafeBytes(of: storage) { Array($0) }
    family = Int32(storage.ss_family)
    bytes = family == AF_INET ? Array(raw[4..<8]) : Array(raw[8..<24])
    port = UInt16(raw[2]) << 8 | UInt16(raw[3])
  }
}

/// Opens a socket.
func openSocket(_ family: Int32, _ type: Int32, _ protocolNumber: Int32 = 0) throws(SystemError)
  -> Int32
{
  try check("socket", socket(family, type, protocolNumber))
}

/// Calls `bind` or `connect` with an address.
private func call(
  _ function: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32, _ socket: Int32, _ raw: [UInt8]
) -> Int32 {
  // SAFETY: the array holds a whole address, of the length that is passed.
  raw.withUnsafeBytes { buffer in
    guard let base = buffer.baseAddress else { return -1 }
    return function(
      socket, base.assumingMemoryBound(to: sockaddr.self), socklen_t(buffer.count))
  }
}

/// Binds a socket to an address.
func bindSocket(_ socket: Int32, _ address: SocketAddress) throws(SystemError) {
  try check("bind", call(bind, socket, address.raw))
}

/// Connects a socket; true if it is connected now, false if the answer is still awaited.
@discardableResult
func connectSocket(_ socket: Int32, _ address: SocketAddress) throws(SystemError) -> Bool {
  let result = call(connect, socket, address.raw)
  if result == -1 && errno == EINPROGRESS { return false }
  try check("connect", result)
  return true
}

/// Sets an option whose value is an int.
func setOption(_ socket: Int32, _ level: Int32, _ option: Int32, _ value: Int32) throws(SystemError)
{
  var value = value
  // SAFETY: the value and its size belong together.
  try check("setsockopt", setsockopt(socket, level, option, &value, socklen_t(4)))
}

/// TCP sockets in the making.
enum TCP {
  private static let stream = Int32(SOCK_STREAM.rawValue)

  static func socket(_ family: Int32) throws(SystemError) -> Int32 {
    try openSocket(family, stream, 0)
  }

  static func listen(on address: SocketAddress, backlog: Int32 = 16) throws(SystemError) -> Int32 {
    let listener = try socket(address.family)
    try bindSocket(listener, address)
    try check("listen", Glibc.listen(listener, backlog))
    return listener
  }

  /// Connects to the listener without accepting there.
  static func connect(to listener: Int32) throws(SystemError) -> Int32 {
    let address = try SocketAddress(localOf: listener)
    let client = try socket(address.family)
    try connectSocket(client, address)
    return client
  }

  static func accept(_ listener: Int32) throws(SystemError) -> Int32 {
    // SAFETY: the address of the peer is not asked for.
    try check("accept", Glibc.accept(listener, nil, nil))
  }

  static func connectedPair(to listener: Int32) throws(SystemError) -> (
    client: Int32, server: Int32
  ) {
    let client = try connect(to: listener)
    return (client, try accept(listener))
  }

  /// The first words of `struct tcp_info`; the words from the third on have fixed meanings.
  static func information(_ socket: Int32) throws(SystemError) -> [UInt32] {
    var words = [UInt32](repeating: 0, count: 8)
    var size = socklen_t(32)
    let tcpInfo: Int32 = 11
    // SAFETY: the kernel stores at most the 32 bytes that it is told of.
    try check(
      "getsockopt TCP_INFO", getsockopt(socket, Int32(IPPROTO_TCP), tcpInfo, &words, &size))
    return words
  }

  /// The state of the socket as the kernel numbers it: the first byte of `struct tcp_info`.
  static func state(_ socket: Int32) throws(SystemError) -> UInt8 {
    UInt8(truncatingIfNeeded: UInt32(littleEndian: try information(socket)[0]))
  }
}

/// UDP sockets in the making.
enum UDP {
  static func bound(to address: SocketAddress) throws(SystemError) -> Int32 {
    let socket = try openSocket(address.family, Int32(SOCK_DGRAM.rawValue))
    try bindSocket(socket, address)
    return socket
  }

  static func connected(to address: SocketAddress) throws(SystemError) -> Int32 {
    let socket = try openSocket(address.family, Int32(SOCK_DGRAM.rawValue))
    try connectSocket(socket, address)
    return socket
  }
}

/// A socket of NETLINK_ROUTE that listens for changes of links; unbound ones are in no table.
func boundNetlink() throws(SystemError) -> Int32 {
  let netlink = try openSocket(AF_NETLINK, Int32(SOCK_RAW.rawValue))
  // struct sockaddr_nl: family and padding, port 0 for any, a mask of groups.
  let address: [UInt32] = [UInt32(AF_NETLINK), 0, 1]
  // SAFETY: the bytes of the array are copied.
  try check("bind netlink", call(bind, netlink, address.withUnsafeBytes(Array.init)))
  return netlink
}

/// A connected pair of Unix sockets.
func unixPair(_ type: __socket_type = SOCK_STREAM) throws(SystemError) -> (Int32, Int32) {
  var ends: [Int32] = [-1, -1]
  // SAFETY: socketpair writes two descriptors into an array of two.
  try check("socketpair", socketpair(AF_UNIX, Int32(type.rawValue), 0, &ends))
  return (ends[0], ends[1])
}

/// A Unix socket that listens under a name: a path with its NUL, or a NUL and an abstract name.
func listenUnix(_ name: [UInt8]) throws(SystemError) -> Int32 {
  let listener = try openSocket(AF_UNIX, Int32(SOCK_STREAM.rawValue))
  try check("bind", call(bind, listener, unixAddress(name)))
  try check("listen", listen(listener, 4))
  return listener
}

/// A Unix datagram socket of that name.
func bindUnix(_ name: [UInt8]) throws(SystemError) -> Int32 {
  let socket = try openSocket(AF_UNIX, Int32(SOCK_DGRAM.rawValue))
  try check("bind", call(bind, socket, unixAddress(name)))
  return socket
}

/// A Unix socket connected to the one that has the name.
func connectUnix(_ name: [UInt8], _ type: __socket_type = SOCK_STREAM) throws(SystemError) -> Int32
{
  let client = try openSocket(AF_UNIX, Int32(type.rawValue))
  try check("connect", call(connect, client, unixAddress(name)))
  return client
}

private func unixAddress(_ name: [UInt8]) -> [UInt8] {
  let family = UInt16(AF_UNIX).littleEndian
  return [UInt8(family & 0xff), UInt8(family >> 8)] + name
}

/// What a socket answers about itself: family, type, addresses and state as far as it has them.
func socketFacts(_ socket: Int32) -> [String: JSON] {
  var facts: [String: JSON] = [:]
  facts["family"] = integerOption(socket, SO_DOMAIN).map { .number($0) }
  facts["type"] = integerOption(socket, SO_TYPE).map { .number($0) }
  facts["protocol"] = integerOption(socket, SO_PROTOCOL).map { .number($0) }
  facts["cookie"] = cookie(socket).map { .number($0) }
  if let name = unixName(socket) { facts["name_hex"] = .hex(name) }
  guard let family = integerOption(socket, SO_DOMAIN), [AF_INET, AF_INET6].contains(family) else {
    return facts
  }
  facts["local"] = (try? SocketAddress(localOf: socket))?.json ?? .null
  facts["remote"] = (try? SocketAddress(remoteOf: socket))?.json ?? .null
  guard integerOption(socket, SO_PROTOCOL) == Int32(IPPROTO_TCP) else { return facts }
  if let state = try? TCP.state(socket) { facts["state"] = .number(state) }
  return facts
}

/// The name of a Unix socket without the final NUL of a path; nil for any other socket.
private func unixName(_ socket: Int32) -> [UInt8]? {
  var storage = sockaddr_un()
  var size = socklen_t(MemoryLayout<sockaddr_un>.size)
  // SAFETY: the size of the structure is passed; a name that does not fit is cut by the kernel.
  let result = withUnsafeMutablePointer(to: &storage) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &size) }
  }
  guard result == 0, Int32(storage.sun_family) == AF_UNIX else { return nil }
  // SAFETY: the bytes of the structure are copied.
  let name = withUnsafeBytes(of: storage) { Array($0.prefix(Int(size)).dropFirst(2)) }
  return name.first == 0 ? name : Array(name.prefix { $0 != 0 })
}

private func integerOption(_ socket: Int32, _ option: Int32) -> Int32? {
  var value: Int32 = 0
  var size = socklen_t(4)
  // SAFETY: four bytes are asked for and the size says so.
  return getsockopt(socket, SOL_SOCKET, option, &value, &size) == 0 ? value : nil
}

/// The kernel's number of a socket.
func cookie(_ socket: Int32) -> UInt64? {
  var value: UInt64 = 0
  var size = socklen_t(8)
  let soCookie: Int32 = 57
  // SAFETY: eight bytes are asked for and the size says so.
  return getsockopt(socket, SOL_SOCKET, soCookie, &value, &size) == 0 ? value : nil
}
