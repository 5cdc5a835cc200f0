import IteratorCatalog

/// Processes that are traced (ptrace) by another one than their parent: who traces may change all.
struct TraceAudit {
  let tables: AuditTables

  func look() throws -> [AuditFinding] {
    let threads = Array(
      try tables.read(
        TasksRecord.self, [.pid, .tid, .ppid, .tracerPid, .startTimeNs, .comm],
        parameters: ["threads": 1]))
    guard threads.contains(where: { $0.tracerPid != nil }) else { return [] }
    let byNumber = Dictionary(
      threads.compactMap { thread in thread.tid.map { ($0, thread) } }, uniquingKeysWith: { $1 })
    return threads.compactMap { thread in
      guard let pid = thread.pid, let tid = thread.tid, let tracer = thread.tracerPid else {
        return nil
      }
      let tracingProcess = byNumber[tracer]?.pid ?? tracer
      guard tracingProcess != thread.ppid else { return nil }
      let parent = thread.ppid.map { named($0, byNumber) } ?? "none to be seen"
      return AuditFinding(
        .tracedByStranger, pid: pid, comm: byNumber[pid]?.bytes.rawText("comm"),
        object: tid == pid ? "process \(pid)" : "thread \(tid)",
        evidence: "tracer: \(named(tracer, byNumber)); parent: \(parent)",
        identity: [thread.startTimeNs ?? 0, UInt64(tid), UInt64(tracer)])
    }
  }

  private func named(_ tid: UInt32, _ tasks: [UInt32: TasksRecord]) -> String {
    tasks[tid]?.comm.map { "\(tid) (\($0))" } ?? "\(tid)"
  }
}
