import IteratorCatalog

/// The library beside procfs, inside this process: a snapshot alone, and with each field read.
///
/// - Returns: two rows.
/// - Throws: if the kernel's table or /proc cannot be read.
func measureLibrary(on bench: Workbench, processes: Int) throws -> [ComparisonRow] {
  let procfs = try ProcStatus()
  defer { procfs.close() }
  var reader = try TableReader<TasksRecord>(columns: [.pid, .ppid, .uid, .gid, .comm])
  let seen = (try reader.snapshot(), procfs.snapshot())
  let counts = (countWaiters(seen.0.map { $0.comm ?? "" }), countWaiters(seen.1.map(\.comm)))
  var (snapshots, reads, statuses) = (Sample(), Sample(), Sample())
  for _ in 0..<bench.rounds {
    var sums: (UInt64, UInt64) = (0, 0)
    let start = nanoseconds()
    let records = try reader.snapshot()
    let middle = nanoseconds()
    sums.0 = sum(records)
    let end = nanoseconds()
    snapshots.add(nanoseconds: middle - start)
    reads.add(nanoseconds: end - start)
    let before = nanoseconds()
    sums.1 = sum(procfs.snapshot())
    statuses.add(nanoseconds: nanoseconds() - before)
    // Without a use of the sums, the compiler may leave out what they are made of.
    guard sums.0 > 0, sums.1 > 0 else { throw BenchError("a snapshot without processes") }
  }
  return [(snapshots, ""), (reads, ", every field read")].map { sample, suffix in
    ComparisonRow(
      title: "library: `TableReader.snapshot`\(suffix), \(processes) processes",
      peer: "reading /proc/PID/status in Swift", kiter: sample, other: statuses,
      objects: counts.0 == counts.1 ? "\(counts.0)" : "**\(counts.0) and \(counts.1)**",
      sawTheSame: counts.0 == counts.1 && counts.0 == processes, limit: .ratio(1 / 150))
  }
}

private func countWaiters(_ names: [String]) -> Int { names.count { $0 == "waiter" } }

/// Uses every field of every record.
private func sum(_ records: Snapshot<TasksRecord>) -> UInt64 {
  var sum: UInt64 = 0
  for record in records {
    sum &+= UInt64(record.pid ?? 0) &+ UInt64(record.ppid ?? 0)
    sum &+= UInt64(record.uid ?? 0) &+ UInt64(record.gid ?? 0)
    sum &+= UInt64(record.comm?.utf8.count ?? 0)
  }
  return sum
}

/// Uses every field of every record.
private func sum(_ records: [ProcessFacts]) -> UInt64 {
  var sum: UInt64 = 0
  for record in records {
    sum &+= UInt64(record.pid) &+ UInt64(record.ppid)
    sum &+= UInt64(record.uid) &+ UInt64(record.gid)
    sum &+= UInt64(record.comm.utf8.count)
  }
  return sum
}
