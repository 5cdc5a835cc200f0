import Glibc
import RecordSchema

/// A socket as sock_diag(7) shows it.
struct DiagnosedSocket: Equatable {
  /// The same number that a BPF iterator sees (SO_COOKIE).
  let cookie: UInt64
  /// What a user would call it.
  let name: String
}

/// A kind of socket that sock_diag(7) lists on its own, by the name of its program in the table of
/// sockets.
enum DiagnosedKind: String, CaseIterable {
  case tcp, udp, unix, netlink

  /// The modules that answer, where they are not built into the kernel.
  var modules: String {
    switch self {
    case .tcp, .udp: "inet_diag \(rawValue)_diag"
    case .unix, .netlink: "\(rawValue)_diag"
    }
  }

  /// What to ask for to be shown all sockets of this kind.
  var requests: [[UInt8]] {
    switch self {
    case .tcp: [AF_INET, AF_INET6].map { Self.internetRequest(family: $0, protocol: 6) }
    case .udp: [AF_INET, AF_INET6].map { Self.internetRequest(family: $0, protocol: 17) }
    case .unix: [Self.unixRequest]
    case .netlink: [Self.netlinkRequest]
    }
  }

  /// A struct inet_diag_req_v2 (linux/inet_diag.h).
  private static func internetRequest(family: Int32, protocol: UInt8) -> [UInt8] {
    // All that are in the tables: 13 are those that are bound and neither listen nor connect, which
    // no iterator shows.
    let states: UInt32 = 1 << 13 - 1
    var bytes = [UInt8(family), `protocol`, 0, 0]
    bytes.append(number: states)
    return bytes + [UInt8](repeating: 0, count: 48)
  }

  /// A struct unix_diag_req (linux/unix_diag.h).
  private static var unixRequest: [UInt8] {
    var bytes = [UInt8(AF_UNIX), 0, 0, 0]
    bytes.append(number: UInt32.max)
    return bytes + [UInt8](repeating: 0, count: 16)
  }

  /// A struct netlink_diag_req (linux/netlink_diag.h).
  private static var netlinkRequest: [UInt8] {
    let allProtocols = UInt8.max
    return [UInt8(AF_NETLINK), allProtocols] + [UInt8](repeating: 0, count: 18)
  }

  /// Bytes of a struct inet_diag_msg, unix_diag_msg or netlink_diag_msg.
  var answerSize: Int {
    switch self {
    case .tcp, .udp: 72
    case .unix: 16
    case .netlink: 28
    }
  }

  /// Decodes an answer, which has at least `answerSize` bytes.
  func socket(in answer: UnsafeRawBufferPointer) -> DiagnosedSocket {
    func load<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ type: Number.Type)
      -> Number
    {
      // SAFETY: all offsets here lie within the size of an answer.
      answer.loadUnaligned(fromByteOffset: offset, as: Number.self)
    }
    func cookie(at offset: Int) -> UInt64 {
      UInt64(load(offset + 4, UInt32.self)) << 32 | UInt64(load(offset, UInt32.self))
    }
    switch self {
    case .tcp, .udp:
      let ports = (UInt16(bigEndian: load(4, UInt16.self)), UInt16(bigEndian: load(6, UInt16.self)))
      let name = "\(rawValue) port \(ports.0), to port \(ports.1), inode \(load(68, UInt32.self))"
      return DiagnosedSocket(cookie: cookie(at: 44), name: name)
    case .unix:
      return DiagnosedSocket(cookie: cookie(at: 8), name: "unix inode \(load(4, UInt32.self))")
    case .netlink:
      let name = "netlink protocol \(load(2, UInt8.self)), port \(load(4, UInt32.self)), inode "
      return DiagnosedSocket(cookie: cookie(at: 20), name: name + "\(load(16, UInt32.self))")
    }
  }
}

extension [UInt8] {
  /// Adds a number's bytes in the host's order.
  mutating func append(number: some FixedWidthInteger) {
    // SAFETY: any bytes of an integer may be copied.
    Swift.withUnsafeBytes(of: number) { self += $0 }
  }
}
