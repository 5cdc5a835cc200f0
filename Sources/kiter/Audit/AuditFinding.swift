/// Something that should make an engineer look, or a check that could not be made.
struct AuditFinding: Equatable {
  /// What it is.
  let sort: Sort
  /// The process that it is about, if it is about one.
  var pid: UInt32?
  /// The process's name, in the kernel's bytes.
  var comm: [UInt8]?
  /// What it is about, as a user would name it.
  let object: [UInt8]
  /// What was seen, and by whom.
  let evidence: String
  /// What tells the object from a later one that has the same name: a start time, an address.
  var identity: [UInt64] = []

  init(
    _ sort: Sort, pid: UInt32? = nil, comm: [UInt8]? = nil, object: [UInt8], evidence: String,
    identity: [UInt64] = []
  ) {
    self.sort = sort
    self.pid = pid
    self.comm = comm
    self.object = object
    self.evidence = evidence
    self.identity = identity
  }

  init(
    _ sort: Sort, pid: UInt32? = nil, comm: [UInt8]? = nil, object: String, evidence: String,
    identity: [UInt64] = []
  ) {
    self.init(
      sort, pid: pid, comm: comm, object: Array(object.utf8), evidence: evidence,
      identity: identity)
  }

  /// What two looks at the same thing share, whatever it has done meanwhile.
  var key: Key { Key(sort: sort, pid: pid, identity: identity) }

  struct Key: Hashable {
    let sort: Sort
    let pid: UInt32?
    let identity: [UInt64]
  }

  /// What there is to find; the number is stored, so a new one comes last.
  enum Sort: UInt8, CaseIterable {
    case notChecked, processNotInProc, processOnlyInProc, socketNotInNetlink, socketOnlyInNetlink
    case bpfNotInSyscall, bpfOnlyInSyscall, memfdExecutable, deletedExecutable, writableCode
    case memfdCode, deletedCode, tracedByStranger

    /// The name in output.
    var name: String {
      switch self {
      case .notChecked: "not_checked"
      case .processNotInProc: "process_not_in_proc"
      case .processOnlyInProc: "process_only_in_proc"
      case .socketNotInNetlink: "socket_not_in_netlink"
      case .socketOnlyInNetlink: "socket_only_in_netlink"
      case .bpfNotInSyscall: "bpf_not_in_syscall"
      case .bpfOnlyInSyscall: "bpf_only_in_syscall"
      case .memfdExecutable: "memfd_executable"
      case .deletedExecutable: "deleted_executable"
      case .writableCode: "writable_code"
      case .memfdCode: "memfd_code"
      case .deletedCode: "deleted_code"
      case .tracedByStranger: "traced_by_stranger"
      }
    }

    /// One line for `--help`.
    var summary: String {
      switch self {
      case .notChecked: "a check that could not be made: that it has found nothing means nothing"
      case .processNotInProc: "the kernel's walk shows the process, /proc does not"
      case .processOnlyInProc: "/proc shows the process, the kernel's walk does not"
      case .socketNotInNetlink: "the kernel's walk shows the socket, sock_diag(7) does not"
      case .socketOnlyInNetlink: "sock_diag(7) shows the socket, the kernel's walk does not"
      case .bpfNotInSyscall: "the kernel's walk shows the BPF object, bpf(2) does not"
      case .bpfOnlyInSyscall: "bpf(2) shows the BPF object, the kernel's walk does not"
      case .memfdExecutable: "the program that runs was never a file, but memory (memfd_create)"
      case .deletedExecutable: "the program that runs has no name any more"
      case .writableCode: "memory that may be both written and executed"
      case .memfdCode: "executable memory of a memfd, other than the program"
      case .deletedCode: "executable memory of a deleted file, other than the program"
      case .tracedByStranger: "traced (ptrace) by another process than its parent"
      }
    }

    /// How much it should make one look; nil where nothing was seen.
    var severity: Severity? {
      switch self {
      case .notChecked: nil
      case .processNotInProc, .processOnlyInProc, .socketNotInNetlink, .socketOnlyInNetlink,
        .bpfNotInSyscall, .bpfOnlyInSyscall, .memfdExecutable:
        .high
      case .deletedExecutable, .writableCode, .memfdCode, .tracedByStranger: .medium
      case .deletedCode: .low
      }
    }
  }

  enum Severity: UInt8, CaseIterable {
    case low, medium, high
  }
}
