import Glibc
import KernelIterators
public import RecordSchema

extension HostFacts {
  /// The facts of the running host, each read when it is first needed.
  public static func live() -> HostFacts {
    let offset = Int64(clockTime(CLOCK_REALTIME)) - Int64(clockTime(CLOCK_BOOTTIME))
    return HostFacts(
      wallClockOffset: offset,
      finTimeout: {
        let text = fileContents("/proc/sys/net/ipv4/tcp_fin_timeout")
        return text.flatMap { UInt64(String(decoding: $0.dropLast(), as: UTF8.self)) }
      },
      users: localUsers,
      identity: { .live() }, mapTypes: { LiveMapTypes($0) })
  }
}

extension HostIdentity {
  /// The running host, now.
  public static func live() -> HostIdentity {
    let bootID = fileContents("/proc/sys/kernel/random/boot_id") ?? []
    return HostIdentity(
      name: nodeName, bootID: String(decoding: bootID.dropLast(), as: UTF8.self),
      time: clockTime(CLOCK_REALTIME))
  }

  private static var nodeName: String {
    // The longest name (__NEW_UTS_LEN), and a NUL.
    var name = [CChar](repeating: 0, count: 65)
    // SAFETY: the call writes within the array, of which the last byte stays a NUL.
    guard gethostname(&name, name.count - 1) == 0 else { return "" }
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// The users of /etc/passwd; where there is no such file, no user has a name.
private func localUsers() -> NameTable {
  if let passwd = fileContents("/etc/passwd") { return NameTable(passwd: passwd) }
  return errno == ENOENT ? NameTable(passwd: []) : .unreadable
}
