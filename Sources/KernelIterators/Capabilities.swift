import CLibbpf

/// The effective capabilities of this process.
public struct Capabilities: Sendable {
  private let effective: UInt64

  /// A capability that kiter may need, by its bit (capability.h); docs/security.md says for what.
  public enum Name: UInt64, Sendable, CaseIterable {
    case chown = 0
    case dacOverride = 1
    case dacReadSearch = 2
    case fowner = 3
    case netAdmin = 12
    case sysPtrace = 19
    case sysAdmin = 21
    case syslog = 34
    case perfmon = 38
    case bpf = 39

    /// The name as capabilities(7) has it.
    public var description: String {
      switch self {
      case .chown: "CAP_CHOWN"
      case .dacOverride: "CAP_DAC_OVERRIDE"
      case .dacReadSearch: "CAP_DAC_READ_SEARCH"
      case .fowner: "CAP_FOWNER"
      case .syslog: "CAP_SYSLOG"
      case .netAdmin: "CAP_NET_ADMIN"
      case .sysPtrace: "CAP_SYS_PTRACE"
      case .sysAdmin: "CAP_SYS_ADMIN"
      case .perfmon: "CAP_PERFMON"
      case .bpf: "CAP_BPF"
      }
    }
  }

  /// Gives up what kiter never needs (capset(2)), before there is a second thread.
  public static func dropOthers() {
    kiter_keep_capabilities(Name.allCases.reduce(0) { $0 | 1 << $1.rawValue })
  }

  /// Asks the kernel (capget(2)).
  public init() { effective = kiter_effective_capabilities() }

  /// May programs be loaded, as far as capabilities decide it?
  public var mayLoad: Bool { contains(.bpf) && contains(.perfmon) }

  /// Is the capability there? CAP_SYS_ADMIN holds those of BPF (Linux 5.8).
  public func contains(_ name: Name) -> Bool {
    var bits: UInt64 = 1 << name.rawValue
    if name == .bpf || name == .perfmon { bits |= 1 << Name.sysAdmin.rawValue }
    return effective & bits != 0
  }
}
