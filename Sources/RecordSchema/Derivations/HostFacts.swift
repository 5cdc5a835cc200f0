/// What derivations need to know of the host on which the records were made.
///
/// A class, because each fact is read once, when it is first needed, and then kept.
public final class HostFacts {
  /// CLOCK_REALTIME minus CLOCK_BOOTTIME, in nanoseconds.
  public let wallClockOffset: Int64
  /// net.ipv4.tcp_fin_timeout of the reader's network namespace, in seconds; nil if not readable.
  public lazy var tcpFinTimeout: UInt64? = loadFinTimeout()
  /// User names by number.
  public lazy var users: NameTable = loadUsers()

  private let loadFinTimeout: () -> UInt64?
  private let loadUsers: () -> NameTable

  /// Creates facts from the places where they can be read.
  public init(
    wallClockOffset: Int64, finTimeout: @escaping () -> UInt64?, users: @escaping () -> NameTable
  ) {
    self.wallClockOffset = wallClockOffset
    loadFinTimeout = finTimeout
    loadUsers = users
  }
}
