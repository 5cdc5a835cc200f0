import Glibc
import IteratorCatalog
import KernelIterators
import RecordSchema
import RecordSnapshot

extension RecordedHost {
  /// What a snapshot that is made now says of this host.
  static func live() -> RecordedHost {
    let identity = HostIdentity.live()
    var host = RecordedHost(wallClock: identity.time, bootTime: clockTime(CLOCK_BOOTTIME))
    host.kiterVersion = Kiter.version
    host.hostname = identity.name ?? ""
    host.bootID = identity.bootID ?? ""
    var names = utsname()
    // SAFETY: the call fills the structure that it is given.
    if uname(&names) == 0 {
      host.kernelRelease = text(&names.release)
      host.machine = text(&names.machine)
    }
    host.clockTicks = UInt64(exactly: sysconf(Int32(_SC_CLK_TCK)))
    host.pageSize = UInt64(exactly: sysconf(Int32(_SC_PAGESIZE)))
    let facts = HostFacts.live()
    host.finTimeout = facts.tcpFinTimeout
    host.users = facts.users.passwd
    if !facts.users.isReadable {
      report("snapshot: it has no names of users; /etc/passwd cannot be read")
    }
    return host
  }

  /// A text that ends with a NUL within its array.
  private static func text<Characters>(_ characters: inout Characters) -> String {
    withUnsafeBytes(of: &characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
