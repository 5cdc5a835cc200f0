/// Which host records are of, and when they were read: what tells them from other hosts' records.
public struct HostIdentity: Sendable, Equatable {
  /// uname(2): the node's name; nil if it is not known.
  public var name: String?
  /// /proc/sys/kernel/random/boot_id: another one after each boot; nil if it is not known.
  public var bootID: String?
  /// CLOCK_REALTIME of the reading, in nanoseconds since 1970.
  public var time: UInt64

  /// Creates an identity; an empty text is one that is not known.
  public init(name: String, bootID: String, time: UInt64) {
    self.name = name.isEmpty ? nil : name
    self.bootID = bootID.isEmpty ? nil : bootID
    self.time = time
  }
}
