public import Glibc

/// The system calls of a reader, so that tests can make each of them fail.
public protocol SystemCalls: Sendable {
  /// read(2); on failure the negated error number.
  func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int
  /// sched_yield(2): lets the program that holds a slot go on.
  func yield()
  /// CLOCK_MONOTONIC in nanoseconds.
  func now() -> UInt64
}

/// The kernel's own.
public struct KernelCalls: SystemCalls {
  /// Creates the calls.
  public init() {}

  /// read(2); on failure the negated error number.
  public func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    // SAFETY: base address and count describe one writable buffer.
    let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    return count < 0 ? -Int(errno) : count
  }

  /// sched_yield(2).
  public func yield() { sched_yield() }

  /// CLOCK_MONOTONIC in nanoseconds.
  public func now() -> UInt64 { clockTime(CLOCK_MONOTONIC) }
}

/// The time of a clock in nanoseconds.
public func clockTime(_ clock: clockid_t) -> UInt64 {
  var time = timespec()
  // SAFETY: the kernel fills the structure it is given.
  clock_gettime(clock, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
