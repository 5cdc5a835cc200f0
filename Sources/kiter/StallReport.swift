import Glibc
import KernelIterators
import RecordSchema

/// Says for which process the kernel makes the reader wait, and how not to wait.
struct StallReport: Sendable {
  let projection: Projection
  let scopes: [IteratorScope]

  func text(_ place: StallPlace) -> String {
    let table = projection.schema.name
    let columns = projection.waitingColumns.joined(separator: ",-")
    let advice =
      columns.isEmpty
      ? "name the processes to look at with --pid"
      : "leave out what needs it: --columns -\(columns)"
    return "\(table): waiting for \(process(place)), whose memory is locked; \(advice)"
  }

  private func process(_ place: StallPlace) -> String {
    let pid: UInt32? =
      switch place {
      case .inside(let pid): pid
      case .after(let pid): scopes == [.all] ? nextProcess(after: pid) : onlyTarget
      }
    return pid.map { "process \($0)" } ?? "a process"
  }

  private var onlyTarget: UInt32? {
    switch scopes.first {
    case .pid(let pid)? where scopes.count == 1: pid
    case .tid(let tid)? where scopes.count == 1: tid
    default: nil
    }
  }
}

/// The next process with memory of its own: a walk goes by rising pid, and passes kernel threads.
///
/// /proc/PID/statm is read because it takes no lock, unlike everything else there that would tell.
private func nextProcess(after pid: UInt32) -> UInt32? {
  let pids = folderNames("/proc").compactMap { UInt32($0) }.filter { $0 > pid }
  return pids.sorted().first { candidate in
    fileContents("/proc/\(candidate)/statm").map { !$0.starts(with: "0 ".utf8) } ?? false
  }
}
