import Glibc

/// How many nanoseconds a walk may ask for another try before it counts as stuck.
let walkPatience: UInt64 = 10_000_000_000

/// Reads one walk of an iterator: bytes out, whatever they mean.
public struct IteratorReader<Calls: SystemCalls>: ~Copyable {
  private let descriptor: Descriptor
  private let iterator: String
  private let calls: Calls

  /// What the kernel's own buffer holds (8 pages): a read never returns more.
  public static var kernelBuffer: Int { 8 * Int(getpagesize()) }

  /// Reads from an open iterator.
  public init(_ descriptor: consuming Descriptor, iterator: String, calls: Calls) {
    self.descriptor = descriptor
    self.iterator = iterator
    self.calls = calls
  }

  /// Reads the next bytes; 0 at the end of the walk.
  ///
  /// EINTR is retried, and so is EAGAIN, which the kernel gives after a million objects without
  /// output and when a program asks to be called again (`bpf_seq_read`, kernel/bpf/bpf_iter.c).
  ///
  /// - Throws: `IteratorError`; one with cause `stuck` after 10 seconds of EAGAIN.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(IteratorError) -> Int
  {
    let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(Self.kernelBuffer))
    var waitingSince: UInt64?
    while true {
      let count = calls.read(descriptor.number, part)
      switch Int32(-min(count, 0)) {
      case 0: return count
      case EINTR: continue
      case EAGAIN:
        let now = calls.now()
        let start = waitingSince ?? now
        waitingSince = start
        if now - start >= walkPatience { throw stuck() }
        calls.yield()
      case let code: throw failure(code)
      }
    }
  }

  private func stuck() -> IteratorError {
    IteratorError(
      iterator: iterator, stage: .read, cause: .stuck, code: EAGAIN,
      advice: "the kernel asked for another try for 10 seconds; try again")
  }

  private func failure(_ code: Int32) -> IteratorError {
    switch code {
    case E2BIG:
      IteratorError(
        iterator: iterator, stage: .read, cause: .incomplete, code: code,
        advice: "an object's record is larger than the kernel's buffer (32 KiB), and the "
          + "walk cannot pass it; leave out columns with long texts (--columns)")
    case EOPNOTSUPP:
      IteratorError(
        iterator: iterator, stage: .read, cause: .incomplete, code: code,
        advice: "the kernel gives one buffer (32 KiB) of this walk; use --engine direct, or "
          + "ask for fewer columns (--columns)")
    case EPERM, EACCES:
      IteratorError(
        iterator: iterator, stage: .read, cause: .notPermitted, code: code,
        advice: permissionAdvice())
    default:
      IteratorError(iterator: iterator, stage: .read, cause: .failed, code: code)
    }
  }
}
