import Glibc
import IteratorCatalog

// How long it takes to have pid, ppid, uid, gid and comm of every process as Swift values: from
// repeated snapshots of the library, and from /proc/PID/status. In turn, so that both see the same
// host, and each three times, of which the last counts, so that each finds its own memory in the
// caches; medians, in milliseconds. Run it as root; the argument is how often (15).

/// What either way gives. The sums see to it that every value is read.
struct Seen {
  var processes = 0
  var sum: UInt64 = 0
  var nameBytes = 0

  mutating func add(
    _ pid: UInt32, _ parent: UInt32, _ user: UInt32, _ group: UInt32, _ name: String
  ) {
    processes += 1
    sum &+= UInt64(pid) &+ UInt64(parent) &+ UInt64(user) &+ UInt64(group)
    nameBytes += name.utf8.count
  }
}

func seen(by reader: inout TableReader<TasksRecord>) throws -> Seen {
  var seen = Seen()
  for task in try reader.snapshot() {
    guard let pid = task.pid, let user = task.uid, let group = task.gid, let name = task.comm
    else { continue }
    seen.add(pid, task.ppid ?? 0, user, group, name)
  }
  return seen
}

func median(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }

func milliseconds(_ body: () throws -> Seen) rethrows -> (Double, Seen) {
  for _ in 0..<2 { _ = try body() }
  let clock = ContinuousClock()
  let start = clock.now
  let seen = try body()
  let time = clock.now - start
  return (Double(time.components.attoseconds) / 1e15 + Double(time.components.seconds) * 1e3, seen)
}

let rounds = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 15
let columns: [TasksRecord.Column] = [.pid, .ppid, .uid, .gid, .comm]
var direct = try TableReader<TasksRecord>(columns: columns, engine: .direct)
var seq = try TableReader<TasksRecord>(columns: columns, engine: .seq)
var status = ProcStatus()
var times: [(direct: Double, seq: Double, proc: Double)] = []
var latest: [Seen] = []
for _ in 0..<rounds {
  let (fromDirect, first) = try milliseconds { try seen(by: &direct) }
  let (fromSeq, second) = try milliseconds { try seen(by: &seq) }
  let (fromProc, third) = milliseconds { status.seen() }
  times.append((fromDirect, fromSeq, fromProc))
  latest = [first, second, third]
}
let (fast, slow) = (median(times.map(\.direct)), median(times.map(\.seq)))
let proc = median(times.map(\.proc))
print("processes", latest.map { "\($0.processes)" }.joined(separator: " "))
print("direct \(fast) seq \(slow) proc \(proc)")
print("proc/direct \(proc / fast) proc/seq \(proc / slow)")
