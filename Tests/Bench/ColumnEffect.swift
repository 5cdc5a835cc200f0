/// What it costs to ask for more or less.
struct EffectRow {
  let title: String
  let sample: Sample
}

/// Measures requests of one table that differ in what they ask for, all in turn.
///
/// - Throws: if a run fails.
func measureEffects(on bench: Workbench, _ load: Load) throws -> [EffectRow] {
  let pid = "\(load.pids[load.pids.count / 2])"
  let requests: [[String]] = [
    ["tasks", "-c", "pid"], ["tasks", "-c", fiveColumns], ["tasks"], ["tasks", "-c", "all"],
    ["tasks", "-o", "jsonl"],
    ["tasks", "-c", "all", "--pid", pid], ["tasks", "-c", "all", "--uid", "65533"],
    ["tasks", "-c", "all", "--comm", "kthreadd"], ["tasks", "-c", "all", "--state", "zombie"],
    ["files", "-c", "pid,fd"], ["files"], ["files", "-c", "all"],
    ["files", "-c", "all", "--pid", pid],
    ["files", "-c", "pid,fd,path", "--pid", pid],
    ["files", "-c", "pid,fd,path", "--where", "pid = \(pid)"],
    ["sql", "SELECT pid, fd, path FROM files WHERE pid = \(pid)"],
    ["sql", "SELECT count(*) FROM files"],
    ["sql", "SELECT count(*) FROM tasks a JOIN tasks b ON a.ppid = b.pid"],
    ["sql", "SELECT comm, count(*) FROM files JOIN tasks USING (pid) GROUP BY 1"],
  ]
  let samples = try interleaved(rounds: bench.rounds, requests.map(bench.kiter))
  return zip(requests, samples).map { request, sample in
    EffectRow(
      title: request.joined(separator: " ").replacing("--pid \(pid)", with: "--pid N")
        .replacing("pid = \(pid)", with: "pid = N"),
      sample: sample)
  }
}
