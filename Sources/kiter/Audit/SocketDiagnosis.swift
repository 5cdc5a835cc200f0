import Glibc
import KernelIterators
import RecordSchema

/// Lists sockets of this network namespace through netlink (NETLINK_SOCK_DIAG, Linux 3.3), which has
/// no part in BPF: what ss(8) lists.
enum SocketDiagnosis {
  /// All sockets of a kind.
  ///
  /// - Throws: `UncheckedError` if the kernel does not answer.
  static func sockets(_ kind: DiagnosedKind) throws(UncheckedError) -> [DiagnosedSocket] {
    var all: [DiagnosedSocket] = []
    for request in kind.requests { all += try answers(to: request, about: kind) }
    return all
  }

  private static func answers(to request: [UInt8], about kind: DiagnosedKind) throws(UncheckedError)
    -> [DiagnosedSocket]
  {
    // NETLINK_SOCK_DIAG.
    let number = socket(AF_NETLINK, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 4)
    guard number >= 0 else { throw refusal(errno, kind) }
    let descriptor = Descriptor(number)
    let message = message(request)
    // SAFETY: the array has the count that is passed.
    guard send(descriptor.number, message, message.count, 0) == message.count else {
      throw refusal(errno, kind)
    }
    var answer = DiagnosisAnswer(about: kind)
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while !answer.isDone {
      // SAFETY: recv is given the size of the array.
      let count = recv(descriptor.number, &buffer, buffer.count, 0)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw refusal(count < 0 ? errno : EIO, kind) }
      answer.read(buffer[..<count])
    }
    if answer.error != 0 { throw refusal(answer.error, kind) }
    return answer.sockets
  }

  private static func refusal(_ code: Int32, _ kind: DiagnosedKind) -> UncheckedError {
    UncheckedError(
      "sock_diag(7) does not answer: \(errorText(code)); modprobe \(kind.modules)")
  }

  /// The request behind a struct nlmsghdr that asks for all answers.
  private static func message(_ request: [UInt8]) -> [UInt8] {
    let (byFamily, requestAndDump): (UInt16, UInt16) = (20, 0x301)
    var bytes: [UInt8] = []
    bytes.append(number: UInt32(16 + request.count))
    bytes.append(number: byFamily)
    bytes.append(number: requestAndDump)
    bytes.append(number: UInt64(0))
    return bytes + request
  }
}

/// What the kernel answers, one datagram after another.
struct DiagnosisAnswer {
  private let kind: DiagnosedKind
  private(set) var sockets: [DiagnosedSocket] = []
  private(set) var isDone = false
  /// An error number; 0 if there is none.
  private(set) var error: Int32 = 0

  private static var headerSize: Int { 16 }

  init(about kind: DiagnosedKind) { self.kind = kind }

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
    case byFamily where content.count >= kind.answerSize: sockets.append(kind.socket(in: content))
    default: fail()
    }
  }

  private mutating func fail() {
    error = EBADMSG
    isDone = true
  }
}
