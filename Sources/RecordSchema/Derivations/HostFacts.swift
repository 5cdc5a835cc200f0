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

  /// Which host it is, and when its records were read: of the running host, now.
  public var identity: HostIdentity { loadIdentity() }

  private let loadTypes: (UInt32) -> (any MapTypes)?
  /// Elements come map by map.
  private var latestMap: (number: UInt32, types: (any MapTypes)?)?
  private let loadFinTimeout: () -> UInt64?
  private let loadUsers: () -> NameTable
  private let loadIdentity: () -> HostIdentity

  /// Creates facts from the places where they can be read.
  public init(
    wallClockOffset: Int64, finTimeout: @escaping () -> UInt64?, users: @escaping () -> NameTable,
    identity: @escaping () -> HostIdentity,
    mapTypes: @escaping (UInt32) -> (any MapTypes)? = { _ in nil }
  ) {
    self.wallClockOffset = wallClockOffset
    loadFinTimeout = finTimeout
    loadUsers = users
    loadIdentity = identity
    loadTypes = mapTypes
  }

  /// The types of a BPF map's keys and values; nil if they are not known.
  func types(ofMap number: UInt32) -> (any MapTypes)? {
    if let latestMap, latestMap.number == number { return latestMap.types }
    let types = loadTypes(number)
    latestMap = (number, types)
    return types
  }
}
