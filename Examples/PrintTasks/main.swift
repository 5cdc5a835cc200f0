import IteratorCatalog

// Prints each process of this host: typed records, no text between (run it as root).
let tasks = try TasksRecord.snapshot(columns: [.pid, .user, .comm, .startTimeNs])
for task in tasks {
  guard let pid = task.pid, let comm = task.comm else { continue }
  print(pid, task.user ?? "-", comm, (task.startTimeNs ?? 0) / 1_000_000_000, separator: "\t")
}
