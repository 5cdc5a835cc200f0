import IteratorCatalog
import RecordSchema

/// Programs and code that are in no file, and memory that could become such code.
struct CodeAudit {
  let tables: AuditTables

  func look() throws -> [AuditFinding] {
    let processes = Dictionary(
      try tables.read(TasksRecord.self, [.pid, .startTimeNs, .exe]).compactMap { task in
        task.pid.map { ($0, task) }
      }, uniquingKeysWith: { $1 })
    let mappings = try tables.read(
      VmasRecord.self, [.pid, .comm, .start, .end, .permissions, .deleted, .path])
    var programs: Set<UInt32> = []
    return mappings.compactMap { mapping in
      guard let permissions = mapping.permissions?.utf8, permissions.contains(UInt8(ascii: "x")),
        let pid = mapping.pid, let sort = sort(of: mapping, of: processes[pid])
      else { return nil }
      // Of a program, one mapping is as good as another.
      let isProgram = sort == .memfdExecutable || sort == .deletedExecutable
      if isProgram && !programs.insert(pid).inserted { return nil }
      return finding(sort, mapping, startTime: processes[pid]?.startTimeNs, isProgram: isProgram)
    }
  }

  private func sort(of mapping: VmasRecord, of process: TasksRecord?) -> AuditFinding.Sort? {
    if mapping.permissions?.utf8.contains(UInt8(ascii: "w")) == true { return .writableCode }
    guard mapping.deleted == true, let path = mapping.path else { return nil }
    // The kernel says it so of a path that has gone; a file may be named so, but is not deleted.
    let isProgram = process?.exe == path + " (deleted)"
    let isMemory = path.hasPrefix("/memfd:")
    return switch (isProgram, isMemory) {
    case (true, true): .memfdExecutable
    case (true, false): .deletedExecutable
    case (false, true): .memfdCode
    case (false, false): .deletedCode
    }
  }

  private func finding(
    _ sort: AuditFinding.Sort, _ mapping: VmasRecord, startTime: UInt64?, isProgram: Bool
  ) -> AuditFinding {
    let (start, end) = (mapping.start ?? 0, mapping.end ?? 0)
    let range = "\(hexadecimal(start))-\(hexadecimal(end))"
    let state = mapping.deleted == true ? ", of a file that has no name" : ""
    return AuditFinding(
      sort, pid: mapping.pid, comm: mapping.bytes.rawText("comm"),
      object: mapping.bytes.rawText("path") ?? Array("memory of no file".utf8),
      evidence: "mapped \(mapping.permissions ?? "") at \(range)\(state)",
      identity: [startTime ?? 0, isProgram ? 0 : start])
  }
}

private func hexadecimal(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
