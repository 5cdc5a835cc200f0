import IteratorCatalog
import KernelIterators
import RecordSchema

/// The processes and threads that were asked for, and whether they are there.
struct ScopeTargets {
  private let table: String
  private let rows: RowSelection
  /// Those that there were at the start.
  private(set) var existing: [IteratorScope] = []
  private var isMissingAny = false

  /// Looks for each target, and says which are not there.
  init(schema: Schema, _ rows: RowSelection) {
    table = schema.name
    self.rows = rows
    for pid in rows.pids where !existing.contains(.pid(pid)) {
      switch ProcessStatus(pid: pid) {
      case .process: existing.append(.pid(pid))
      case .thread:
        isMissingAny = true
        report("\(table): \(pid) is a thread, not a process; use --tid \(pid)")
      case .none: miss("process", pid)
      }
    }
    for tid in rows.tids where !existing.contains(.tid(tid)) {
      if ProcessStatus(pid: tid) == .none {
        miss("thread", tid)
      } else {
        existing.append(.tid(tid))
      }
    }
    for map in rows.maps where !existing.contains(.map(map)) {
      if KernelMap.exists(map) {
        existing.append(.map(map))
      } else {
        isMissingAny = true
        report("\(table): there is no map \(map); kiter maps lists those that there are")
      }
    }
  }

  /// Were none asked for?
  var isEmpty: Bool { rows.pids.isEmpty && rows.tids.isEmpty && rows.maps.isEmpty }

  /// Says which targets have gone since the start, if no row came of them.
  ///
  /// - Returns: true if one is missing.
  func reportVanished(records: Int) -> Bool {
    var isMissing = isMissingAny
    guard records == 0 else { return isMissing }
    for target in rows.pids + rows.tids where ProcessStatus(pid: target) == .none {
      guard existing.contains(.pid(target)) || existing.contains(.tid(target)) else { continue }
      isMissing = true
      report("\(table): \(target) ended while it was looked at")
    }
    return isMissing
  }

  private mutating func miss(_ what: String, _ number: UInt32) {
    isMissingAny = true
    report("\(table): there is no \(what) \(number); kiter tasks lists those that there are")
  }
}
