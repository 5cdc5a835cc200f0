import Glibc

/// `family`: a child with a child of its own, and one whose parent has ended, so that it came to this
/// process, which takes orphans in (PR_SET_CHILD_SUBREAPER).
func family(_ arguments: [String]) throws -> KnownState {
  try check("prctl", linuxPrctl(Linux.prSetChildSubreaper, 1, 0, 0, 0))
  let (born, orphaned) = (try Announcement(), try Announcement())
  let elder = try Child {
    orphaned.close()
    let younger = try Child {
      born.close()
      sleepForEver()
    }
    born.send("\(younger.pid)")
    sleepForEver()
  }
  let parent = try Child {
    born.close()
    let parent = getpid()
    if try check("fork", linuxFork()) == 0 { becomeOrphan(of: parent, orphaned) }
    _exit(0)
  }
  let younger = born.receive()
  let orphan = orphaned.receive()
  parent.release()
  return KnownState(
    facts: [
      "elder": .number(elder.pid), "younger": .digits(younger), "orphan": .digits(orphan),
    ],
    resources: [elder, Orphan(pid_t(orphan) ?? 0)])
}

/// Waits until the parent has gone, says so, and lives as long as the one who took it in.
private func becomeOrphan(of parent: pid_t, _ orphaned: Announcement) -> Never {
  while getppid() == parent { usleep(1000) }
  let foster = getppid()
  _ = linuxPrctl(Linux.prSetDeathSignal, UInt(SIGKILL), 0, 0, 0)
  if getppid() != foster { _exit(1) }
  orphaned.send("\(getpid())")
  sleepForEver()
}

/// A process that this one did not start, and has to end.
private final class Orphan: Resource {
  private let pid: pid_t

  init(_ pid: pid_t) { self.pid = pid }

  func release() {
    guard pid > 0 else { return }
    kill(pid, SIGKILL)
    // SAFETY: no status is asked for.
    while waitpid(pid, nil, 0) == -1 && errno == EINTR {}
  }
}
