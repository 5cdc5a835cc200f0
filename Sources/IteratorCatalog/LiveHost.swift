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
      mapTypes: { LiveMapTypes($0) })
  }
}

/// The users of /etc/passwd; where there is no such file, no user has a name.
private func localUsers() -> NameTable {
  if let passwd = fileContents("/etc/passwd") { return NameTable(passwd: passwd) }
  return errno == ENOENT ? NameTable(passwd: []) : .unreadable
}
