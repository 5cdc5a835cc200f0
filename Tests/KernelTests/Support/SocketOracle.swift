import Foundation
import Glibc

/// One end of an internet socket.
struct SocketEnd: Hashable, CustomStringConvertible {
  /// Four or sixteen bytes in network order.
  let address: [UInt8]
  let port: UInt16

  /// As `ss` prints it, but an unset IPv6 address is `[::]` here.
  var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    // SAFETY: inet_ntop is given the address of the family and the size of the text.
    _ = inet_ntop(address.count == 4 ? AF_INET : AF_INET6, address, &text, socklen_t(text.count))
    let name = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return address.count == 4 ? "\(name):\(port)" : "[\(name)]:\(port)"
  }

  init(address: [UInt8], port: UInt16) {
    (self.address, self.port) = (address, port)
  }

  /// Parses `0100007F:1F90`: words of the address in the order of the host, the port in hexadecimal.
  fileprivate init(proc text: Substring) throws {
    let parts = text.split(separator: ":")
    guard parts.count == 2, parts[0].count.isMultiple(of: 8) else {
      throw MalformedText(what: "address", text: String(text))
    }
    let digits = Array(parts[0])
    address = try stride(from: 0, to: digits.count, by: 8).flatMap { start in
      let word: UInt32 = try parseNumber(String(digits[start..<start + 8]), "address", radix: 16)
      // SAFETY: the bytes of the number are copied.
      return withUnsafeBytes(of: word, Array.init)
    }
    port = try parseNumber(parts[1], "port", radix: 16)
  }

  /// Parses `127.0.0.1:80`, `[::1%lo]:80`, `*:80`, with `*` for no port.
  fileprivate init(ss text: Substring) throws {
    guard let colon = text.lastIndex(of: ":") else {
      throw MalformedText(what: "address", text: String(text))
    }
    let digits = text[text.index(after: colon)...]
    port = digits == "*" ? 0 : try parseNumber(digits, "port")
    address = try Self.address(text[..<colon].filter { $0 != "[" && $0 != "]" })
  }

  private static func address(_ text: String) throws -> [UInt8] {
    // Only a socket of both families prints its unset address so.
    if text == "*" { return [UInt8](repeating: 0, count: 16) }
    let name = String(text.prefix { $0 != "%" })
    let family = name.contains(":") ? AF_INET6 : AF_INET
    var bytes = [UInt8](repeating: 0, count: family == AF_INET ? 4 : 16)
    // SAFETY: inet_pton writes the bytes of an address of the family.
    guard inet_pton(family, name, &bytes) == 1 else {
      throw MalformedText(what: "address", text: text)
    }
    return bytes
  }
}

/// The internet protocols that have a table under /proc/net.
enum SocketTable: String, CaseIterable, Sendable {
  case tcp, tcp6, udp, udp6
}

/// A line of /proc/net/tcp and the like.
struct ProcSocket: Equatable {
  let table: SocketTable
  let local, remote: SocketEnd
  /// As the kernel numbers it: 1 is established, 10 is listening.
  let state: UInt8
  let sendQueue, receiveQueue: UInt64
  /// 0 none, 1 retransmission, 2 keepalive, 3 TIME-WAIT, 4 probe of a closed window.
  let timer: UInt8
  /// Hundredths of a second until the timer is due.
  let timerTicks: Int64
  let retransmissions: UInt32
  let uid: UInt32
  /// 0 for a socket that no process holds.
  let inode: UInt64
  /// UDP alone counts these.
  let drops: UInt64?

  /// The sockets in the network namespace of a process.
  static func all(_ table: SocketTable, in pid: Int32 = getpid()) throws -> [ProcSocket] {
    try lines(try ProcFiles.contents("/proc/\(pid)/net/\(table.rawValue)")).dropFirst().map {
      try ProcSocket(String(decoding: $0, as: UTF8.self), table)
    }
  }

  private init(_ line: String, _ table: SocketTable) throws {
    let parts = words(line)
    let queues = parts.count > 9 ? parts[4].split(separator: ":") : []
    let timer = parts.count > 9 ? parts[5].split(separator: ":") : []
    guard queues.count == 2, timer.count == 2 else {
      throw MalformedText(what: table.rawValue, text: line)
    }
    self.table = table
    (local, remote) = (try SocketEnd(proc: parts[1]), try SocketEnd(proc: parts[2]))
    state = try parseNumber(parts[3], "state", radix: 16)
    sendQueue = try parseNumber(queues[0], "send queue", radix: 16)
    receiveQueue = try parseNumber(queues[1], "receive queue", radix: 16)
    self.timer = try parseNumber(timer[0], "timer", radix: 16)
    let ticks: UInt64 = try parseNumber(timer[1], "timer", radix: 16)
    timerTicks = Int64(bitPattern: ticks)
    retransmissions = try parseNumber(parts[6], "retransmissions", radix: 16)
    uid = try parseNumber(parts[7], "uid")
    inode = try parseNumber(parts[9], "inode")
    drops = table.rawValue.hasPrefix("udp") ? try parseNumber(parts.last ?? "", "drops") : nil
  }
}

/// A line of /proc/net/unix.
struct ProcUnixSocket: Equatable {
  let references: Int
  let flags: UInt32
  /// 1 stream, 2 datagram, 5 sequenced packets.
  let type: UInt16
  /// 1 unconnected, 2 connecting, 3 connected, 4 disconnecting; a listener has flag 0x10000.
  let state: UInt8
  let inode: UInt64
  /// Empty without a name. The NULs of an abstract name are `@` here.
  let path: [UInt8]

  /// The sockets in the network namespace of a process.
  static func all(in pid: Int32 = getpid()) throws -> [ProcUnixSocket] {
    try records(of: try ProcFiles.contents("/proc/\(pid)/net/unix")).map { try ProcUnixSocket($0) }
  }

  /// A path may hold newlines, so a line belongs to the one before unless it begins as a record.
  private static func records(of bytes: [UInt8]) -> [[UInt8]] {
    var records: [[UInt8]] = []
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for line in lines.dropFirst().dropLast() {
      // Sixteen digits of an address, a colon, a space.
      let isStart = line.count > 17 && line[line.startIndex + 16] == UInt8(ascii: ":")
      if isStart || records.isEmpty {
        records.append(Array(line))
      } else {
        records[records.count - 1] += [UInt8(ascii: "\n")] + line
      }
    }
    return records
  }

  private init(_ line: [UInt8]) throws {
    let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 7)
    let text = parts.map { String(decoding: $0, as: UTF8.self) }
    guard parts.count >= 7 else { throw MalformedText(what: "unix", text: "\(text)") }
    references = try parseNumber(text[1], "references", radix: 16)
    flags = try parseNumber(text[3], "flags", radix: 16)
    type = try parseNumber(text[4], "type", radix: 16)
    state = try parseNumber(text[5], "state", radix: 16)
    // The number is padded to five columns, and one blank stands before the path.
    inode = try parseNumber(text[6], "inode")
    path = parts.count > 7 ? Array(parts[7]) : []
  }
}

/// A line of /proc/net/netlink.
struct ProcNetlinkSocket: Equatable {
  let netlinkProtocol: Int
  let portID: UInt32
  let groups: UInt32
  let receiveBytes, sendBytes: Int64
  let references: Int
  let drops: UInt64
  let inode: UInt64

  /// The sockets in the network namespace of a process.
  static func all(in pid: Int32 = getpid()) throws -> [ProcNetlinkSocket] {
    try lines(try ProcFiles.contents("/proc/\(pid)/net/netlink")).dropFirst().map {
      try ProcNetlinkSocket(String(decoding: $0, as: UTF8.self))
    }
  }

  private init(_ line: String) throws {
    let parts = words(line)
    guard parts.count >= 10 else { throw MalformedText(what: "netlink", text: line) }
    netlinkProtocol = try parseNumber(parts[1], "protocol")
    portID = try parseNumber(parts[2], "port")
    groups = try parseNumber(parts[3], "groups", radix: 16)
    (receiveBytes, sendBytes) = (
      try parseNumber(parts[4], "rmem"), try parseNumber(parts[5], "wmem")
    )
    references = try parseNumber(parts[7], "references")
    drops = try parseNumber(parts[8], "drops")
    inode = try parseNumber(parts[9], "inode")
  }
}

/// A TCP or UDP socket as `ss` prints it.
struct SSSocket {
  /// `tcp` or `udp`.
  let netID: String
  /// Such as `ESTAB` and `TIME-WAIT`.
  let state: String
  let receiveQueue, sendQueue: UInt64
  let local, remote: SocketEnd
  let inode: UInt64
  let cookie: UInt64
  /// The name and the words of `timer:(on,636ms,0)`.
  let timer: [String]
  /// Socket memory by letter, such as `r` and `rb`.
  let memory: [String: UInt64]
  /// The congestion control; nil where there is none.
  let congestion: String?
  /// All words `name:value` as text, such as `rtt`, `cwnd` and `bytes_acked`.
  let values: [String: String]
  /// The words without a value, such as `ts` and `sack`.
  let options: [String]

  /// The sockets in the network namespace of a process; nil is that of this process.
  static func all(in pid: Int32? = nil) throws -> [SSSocket] {
    let enter = pid.map { ["nsenter", "--target", "\($0)", "--net"] } ?? []
    let command = enter + ["ss", "-H", "-O", "-tuna", "-e", "-i", "-o", "-m"]
    let output = try Command.run(command)
    guard output.status == 0 else { throw MalformedText(what: "ss", text: output.stderr) }
    return try output.text.split(separator: "\n").map { try SSSocket(String($0)) }
  }

  /// Parses a line.
  init(_ line: String) throws {
    let parts = words(line)
    guard parts.count >= 6 else { throw MalformedText(what: "ss", text: line) }
    (netID, state) = (String(parts[0]), String(parts[1]))
    receiveQueue = try parseNumber(parts[2], "receive queue")
    sendQueue = try parseNumber(parts[3], "send queue")
    (local, remote) = (try SocketEnd(ss: parts[4]), try SocketEnd(ss: parts[5]))
    let (values, options) = Self.split(parts.dropFirst(6))
    (self.values, self.options) = (values, options)
    inode = try values["ino"].map { try parseNumber($0, "inode") } ?? 0
    cookie = try values["sk"].map { try parseNumber($0, "cookie", radix: 16) } ?? 0
    timer = values["timer"].map(Self.list) ?? []
    memory = try Self.memory(values["skmem"].map(Self.list) ?? [])
    let known = ["ts", "sack", "ecn", "ecnseen", "fastopen", "usec_ts", "---", "<->", "-->", "<--"]
    congestion = netID == "tcp" ? options.first { !known.contains($0) } : nil
  }

  private static func split(_ words: ArraySlice<Substring>) -> ([String: String], [String]) {
    var (values, options): ([String: String], [String]) = ([:], [])
    for word in words {
      let parts = word.split(separator: ":", maxSplits: 1).map(String.init)
      if parts.count == 2 { values[parts[0]] = parts[1] } else { options.append(String(word)) }
    }
    return (values, options)
  }

  private static func list(_ text: String) -> [String] {
    text.filter { $0 != "(" && $0 != ")" }.split(separator: ",").map(String.init)
  }

  private static func memory(_ items: [String]) throws -> [String: UInt64] {
    var memory: [String: UInt64] = [:]
    for item in items {
      memory[String(item.prefix { $0.isLetter })] =
        try parseNumber(item.drop { $0.isLetter }, "skmem")
    }
    return memory
  }
}
