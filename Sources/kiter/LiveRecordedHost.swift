import Glibc
import IteratorCatalog
import KernelIterators
import RecordSchema
import RecordSnapshot

extension RecordedHost {
  /// What a snapshot that is made now says of this host.
  static func live() -> RecordedHost {
    var host = RecordedHost(
      wallClock: clockTime(CLOCK_REALTIME), bootTime: clockTime(CLOCK_BOOTTIME))
    host.kiterVersion = Kiter.version
    var names = utsname()
    // SAFETY: the call fills the structure that it is given.
    if uname(&names) == 0 {
      host.hostname = text(&names.nodename)
      host.kernelRelease = text(&names.release)
      host.machine = text(&names.machine)
    }
    let bootID = fileContents("/proc/sys/kernel/random/boot_id") ?? []
    host.bootID = String(decoding: bootID.prefix { $0 != 10 }, as: UTF8.self)
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
