import IteratorCatalog
import KernelIterators

/// Processes that only the kernel's walk or only /proc shows.
struct ProcessAudit {
  /// A process as the kernel's walk shows it.
  struct Process {
    let pid: UInt32
    let comm: [UInt8]?
    /// Nanoseconds of CLOCK_BOOTTIME.
    let start: UInt64
  }

  /// Reads the processes that the kernel's walk shows.
  let walk: () throws -> [Process]

  init(walk: @escaping () throws -> [Process]) { self.walk = walk }

  init(_ tables: AuditTables) {
    self.init {
      // The kernel's own walk goes by numbers, as /proc does.
      try tables.read(TasksRecord.self, [.pid, .startTimeNs, .comm], engine: .seq).map { task in
        Process(
          pid: task.pid ?? 0, comm: task.bytes.rawText("comm"), start: task.startTimeNs ?? 0)
      }
    }
  }

  func look() throws -> [AuditFinding] {
    let processes = try ProcProcesses()
    var (walked, listed): ([UInt64: Process], [UInt64: ProcProcess]) = ([:], [:])
    let difference = try ViewDifference {
      let found = try walk()
      for process in found { walked[UInt64(process.pid)] = process }
      return Set(found.map { SeenObject(number: UInt64($0.pid), identity: $0.start) })
    } _: {
      let found = processes.list()
      for process in found { listed[UInt64(process.pid)] = process }
      return Set(found.map { SeenObject(number: UInt64($0.pid), identity: $0.start) })
    }
    return difference.onlyFirst.compactMap { walked[$0.number] }.map { process in
      finding(
        .processNotInProc, process.pid, process.comm, process.start,
        "iter/task shows it; \(processes.absence(of: process.pid))")
    }
      + difference.onlySecond.compactMap { listed[$0.number] }.map { process in
        finding(
          .processOnlyInProc, process.pid, process.comm, process.start,
          "/proc/\(process.pid) shows it; iter/task does not")
      }
  }

  private func finding(
    _ sort: AuditFinding.Sort, _ pid: UInt32, _ comm: [UInt8]?, _ start: UInt64, _ evidence: String
  ) -> AuditFinding {
    let third = ProcessStatus(pid: pid) == .none ? "does not find it" : "finds it"
    return AuditFinding(
      sort, pid: pid, comm: comm, object: "process \(pid)",
      evidence: "\(evidence); pidfd_open(2) \(third)", identity: [start])
  }
}
