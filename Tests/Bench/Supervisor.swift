import Glibc

/// Runs the benchmark in a child, and leaves the machine as it was, however the child ends.
///
/// The child's own processes hold a pipe to it and end with it; they are then children of this
/// process (a subreaper), which waits for the last of them and restores the kernel's limits. So
/// nothing remains after an interrupt either.
///
/// - Returns: the exit status of the benchmark, 128 and the signal if it was interrupted.
func supervised(_ body: () throws -> Void) throws -> Int32 {
  // The processes that are made would have what this one was started with, and be counted with it.
  linuxCloseFrom(3)
  let limits = KernelLimits()
  var signals = signalSet(SIGINT, SIGTERM, SIGHUP, SIGCHLD)
  // SAFETY: the sets are local, here and below.
  pthread_sigmask(SIG_BLOCK, &signals, nil)
  try check("prctl", linuxPrctl(Linux.prSetChildSubreaper, 1, 0, 0, 0))
  let parent = getpid()
  let worker = try check("fork", linuxFork())
  guard worker != 0 else {
    _ = linuxPrctl(Linux.prSetDeathSignal, UInt(SIGKILL), 0, 0, 0)
    if getppid() != parent { _exit(1) }
    // The commands that are measured are of this group, and so end with it.
    setpgid(0, 0)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    exit(status(of: body))
  }
  setpgid(worker, worker)
  let result = wait(for: worker, &signals)
  waitForAll()
  limits.restore()
  return result
}

private func status(of body: () throws -> Void) -> Int32 {
  do {
    try body()
    return 0
  } catch {
    say("\(error)")
    return 1
  }
}

/// Waits for the end of the worker; a signal to this process ends the worker and its commands.
private func wait(for worker: pid_t, _ signals: inout sigset_t) -> Int32 {
  var interrupted: Int32?
  while true {
    var signal: Int32 = 0
    // SAFETY: sigwait stores one number.
    sigwait(&signals, &signal)
    if signal != SIGCHLD {
      interrupted = signal
      say("interrupted; removing what was made")
      kill(-worker, SIGKILL)
    }
    var status: Int32 = 0
    // SAFETY: waitpid stores one number.
    guard waitpid(worker, &status, WNOHANG) == worker else { continue }
    // A worker that was killed leaves the command that it was measuring.
    kill(-worker, SIGKILL)
    let ownSignal = status & 0x7f
    return interrupted.map { 128 + $0 } ?? (ownSignal == 0 ? status >> 8 & 0xff : 128 + ownSignal)
  }
}

/// Collects all processes that the worker has left, which end by themselves.
private func waitForAll() {
  // SAFETY: no status is asked for. Ends when no child is left.
  while waitpid(-1, nil, 0) > 0 || errno == EINTR {}
}

private func signalSet(_ signals: Int32...) -> sigset_t {
  var set = sigset_t()
  // SAFETY: the set is local and emptied first.
  sigemptyset(&set)
  for signal in signals { sigaddset(&set, signal) }
  return set
}
