import Glibc
import KernelIterators
import RecordSchema

/// A socket as sock_diag(7) shows it: what ss(8) lists.
struct DiagnosedSocket: Equatable {
  /// The same number that a BPF iterator sees (SO_COOKIE).
  let cookie: UInt64
  let localPort, remotePort: UInt16
  let inode: UInt32
}

/// Lists the sockets of this network namespace through netlink (NETLINK_SOCK_DIAG, Linux 3.3), which
/// has no part in BPF.
enum SocketDiagnosis {
  enum Transport: Int32, CaseIterable {
    case tcp = 6
    case udp = 17

    /// The protocol as the table of sockets names it; nil for one that is not listed here.
    init?(name: String?) {
      guard let transport = Self.allCases.first(where: { "\($0)" == name }) else { return nil }
      self = transport
    }
  }

  /// All TCP or all UDP sockets of both families.
  ///
  /// - Throws: `UncheckedError` if the kernel does not answer.
  static func sockets(_ transport: Transport) throws(UncheckedError) -> [DiagnosedSocket] {
    var all: [DiagnosedSocket] = []
    for family in [AF_INET, AF_INET6] { all += try sockets(transport, family) }
    return all
  }

  private static func sockets(_ transport: Transport, _ family: Int32) throws(UncheckedError)
    -> [DiagnosedSocket]
  {
    // NETLINK_SOCK_DIAG.
    let number = socket(AF_NETLINK, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 4)
    guard number >= 0 else { throw refusal(errno) }
    let descriptor = Descriptor(number)
    let request = request(UInt8(transport.rawValue), UInt8(family))
    // SAFETY: the array has the count that is passed.
    guard send(descriptor.number, request, request.count, 0) == request.count else {
      throw refusal(errno)
    }
    var answer = DiagnosisAnswer()
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while !answer.isDone {
      // SAFETY: recv is given the size of the array.
      let count = recv(descriptor.number, &buffer, buffer.count, 0)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw refusal(count < 0 ? errno : EIO) }
      answer.read(buffer[..<count])
    }
    if answer.error != 0 { throw refusal(answer.error) }
    return answer.sockets
  }

  private static func refusal(_ code: Int32) -> UncheckedError {
    UncheckedError(
      "sock_diag(7) does not answer: \(errorText(code)); modprobe inet_diag tcp_diag udp_diag")
  }

  /// A struct nlmsghdr, and behind it a struct inet_diag_req_v2 (linux/inet_diag.h).
  private static func request(_ transport: UInt8, _ family: UInt8) -> [UInt8] {
    let size: UInt32 = 16 + 56
    let byFamily: UInt16 = 20
    let requestAndDump: UInt16 = 0x301
    // All that are in the tables: 13 are those that are bound and neither listen nor connect, which
    // no iterator shows.
    let states: UInt32 = 1 << 13 - 1
    var bytes: [UInt8] = []
    func put<Number: FixedWidthInteger>(_ number: Number) {
      withUnsafeBytes(of: number) { bytes += $0 }
    }
    put(size)
    put(byFamily)
    put(requestAndDump)
    put(UInt64(0))
    bytes += [family, transport, 0, 0]
    put(states)
    return bytes + [UInt8](repeating: 0, count: Int(size) - bytes.count)
  }
}

/// What the kernel answers, one datagram after another.
struct DiagnosisAnswer {
  private(set) var sockets: [DiagnosedSocket] = []
  private(set) var isDone = false
  /// An error number; 0 if there is none.
  private(set) var error: Int32 = 0

  private static var headerSize: Int { 16 }
  /// Bytes of a struct inet_diag_msg.
  private static var socketSize: Int { 72 }

  /// Reads the messages of a datagram.
  mutating func read(_ datagram: ArraySlice<UInt8>) {
    datagram.withUnsafeBytes { bytes in
      var at = 0
      while !isDone, at + Self.headerSize <= bytes.count {
        // SAFETY: a header is left at this offset, as just checked.
        let size = Int(bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
        guard size >= Self.headerSize, at + size <= bytes.count else { return fail() }
        // SAFETY: as above.
        let type = bytes.loadUnaligned(fromByteOffset: at + 4, as: UInt16.self)
        read(type, UnsafeRawBufferPointer(rebasing: bytes[(at + Self.headerSize)..<(at + size)]))
        at += (size + 3) & ~3
      }
    }
  }

  /// Reads what is behind a message's header.
  private mutating func read(_ type: UInt16, _ content: UnsafeRawBufferPointer) {
    let (failed, done, byFamily): (UInt16, UInt16, UInt16) = (2, 3, 20)
    switch type {
    case failed, done:
      // Both carry an error number, negated; 0 for none.
      // SAFETY: the size is checked first.
      if content.count >= 4 { error = -content.loadUnaligned(as: Int32.self) }
      isDone = true
    case byFamily where content.count >= Self.socketSize: sockets.append(socket(content))
    default: fail()
    }
  }

  private mutating func fail() {
    error = EBADMSG
    isDone = true
  }

  private func socket(_ message: UnsafeRawBufferPointer) -> DiagnosedSocket {
    func load<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ type: Number.Type)
      -> Number
    {
      // SAFETY: all offsets here lie within the size that was checked.
      message.loadUnaligned(fromByteOffset: offset, as: Number.self)
    }
    let (low, high) = (load(44, UInt32.self), load(48, UInt32.self))
    return DiagnosedSocket(
      cookie: UInt64(high) << 32 | UInt64(low), localPort: UInt16(bigEndian: load(4, UInt16.self)),
      remotePort: UInt16(bigEndian: load(6, UInt16.self)), inode: load(68, UInt32.self))
  }
}
