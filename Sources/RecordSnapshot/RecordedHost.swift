public import RecordSchema

/// What a snapshot says of the host that it was made on: what derivations need, and what a reader
/// wants to know.
public struct RecordedHost: Sendable, Equatable {
  /// The version of kiter that wrote the snapshot.
  public var kiterVersion = ""
  /// uname(2): the node's name.
  public var hostname = ""
  /// uname(2): the kernel's release.
  public var kernelRelease = ""
  /// uname(2): the machine's architecture.
  public var machine = ""
  /// /proc/sys/kernel/random/boot_id; empty if it could not be read.
  public var bootID = ""
  /// CLOCK_REALTIME when the snapshot was begun, in nanoseconds since 1970.
  public var wallClock: UInt64
  /// CLOCK_BOOTTIME at the same time, in nanoseconds.
  public var bootTime: UInt64
  /// sysconf(_SC_CLK_TCK), in ticks per second.
  public var clockTicks: UInt64?
  /// sysconf(_SC_PAGESIZE), in bytes.
  public var pageSize: UInt64?
  /// net.ipv4.tcp_fin_timeout of the reader's network namespace, in seconds.
  public var finTimeout: UInt64?
  /// Users in the shape of /etc/passwd: a name and a number on each line.
  public var users: [UInt8] = []

  /// Begins with the two clocks, without which no time in a record means anything.
  public init(wallClock: UInt64, bootTime: UInt64) {
    self.wallClock = wallClock
    self.bootTime = bootTime
  }

  /// The facts that derivations use.
  public var facts: HostFacts {
    let (users, finTimeout) = (users, finTimeout)
    let identity = HostIdentity(name: hostname, bootID: bootID, time: wallClock)
    return HostFacts(
      wallClockOffset: Int64(clamping: wallClock) &- Int64(clamping: bootTime),
      finTimeout: { finTimeout }, users: { NameTable(passwd: users) },
      identity: { identity })
  }
}

// MARK: - As a block: a name, a NUL, the length of the value (four bytes), the value, and so on

extension RecordedHost {
  private static var texts: [(name: String, path: WritableKeyPath<Self, String>)] {
    [
      ("kiter_version", \.kiterVersion), ("hostname", \.hostname),
      ("kernel_release", \.kernelRelease), ("machine", \.machine), ("boot_id", \.bootID),
    ]
  }
  private static var numbers: [(name: String, path: WritableKeyPath<Self, UInt64?>)] {
    [
      ("clock_ticks", \.clockTicks), ("page_size", \.pageSize),
      ("tcp_fin_timeout", \.finTimeout),
    ]
  }

  /// The facts as a snapshot has them.
  package var encoded: [UInt8] {
    var bytes: [UInt8] = []
    func append(_ name: String, _ value: some Collection<UInt8>) {
      bytes += Array(name.utf8) + [0]
      bytes.append(UInt32(value.count))
      bytes += value
    }
    append("wall_clock_ns", "\(wallClock)".utf8)
    append("boot_time_ns", "\(bootTime)".utf8)
    for (name, path) in Self.texts { append(name, self[keyPath: path].utf8) }
    for (name, path) in Self.numbers {
      if let number = self[keyPath: path] { append(name, "\(number)".utf8) }
    }
    append("users", users)
    return bytes
  }

  /// Reads the facts; those that it does not know are passed over. Nil if they end early, or the
  /// clocks are not among them.
  init?(_ bytes: [UInt8]) {
    var facts: [String: ArraySlice<UInt8>] = [:]
    var rest = bytes[...]
    while !rest.isEmpty {
      let name = rest.prefix { $0 != 0 }
      rest = rest[name.endIndex...].dropFirst()
      guard rest.count >= 4 else { return nil }
      let length = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(4)
      guard rest.count >= length else { return nil }
      facts[String(decoding: name, as: UTF8.self)] = rest.prefix(length)
      rest = rest.dropFirst(length)
    }
    func text(_ name: String) -> String? { facts[name].map { String(decoding: $0, as: UTF8.self) } }
    func number(_ name: String) -> UInt64? { text(name).flatMap { UInt64($0) } }
    guard let wallClock = number("wall_clock_ns"), let bootTime = number("boot_time_ns") else {
      return nil
    }
    self.init(wallClock: wallClock, bootTime: bootTime)
    for (name, path) in Self.texts { self[keyPath: path] = text(name) ?? "" }
    for (name, path) in Self.numbers { self[keyPath: path] = number(name) }
    users = facts["users"].map(Array.init) ?? []
  }
}
