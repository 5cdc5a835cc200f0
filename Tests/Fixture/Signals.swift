import Glibc

/// `signals`: known signals are blocked, ignored, caught and pending, for thread and for process.
func signals(_ arguments: [String]) throws -> KnownState {
  let realTime = Int32(__libc_current_sigrtmin())
  for ignored in [SIGHUP, SIGTTOU, realTime + 5] { try handle(ignored, SIG_IGN) }
  for caught in [SIGWINCH, SIGUSR2, realTime + 3] { try handle(caught) { _ in } }
  try block([SIGUSR1, SIGUSR2, SIGCONT, realTime + 1, realTime + 2])
  let toThread = [SIGUSR1, realTime + 1]
  let toProcess = [SIGUSR2, realTime + 2]
  for signal in toThread { try check("raise", raise(signal)) }
  for signal in toProcess { try check("kill", kill(getpid(), signal)) }
  return KnownState(facts: [
    "blocked": .number(try blockedSet()),
    "ignored": .number(dispositions { $0 == 1 }),
    "caught": .number(dispositions { $0 > 1 }),
    "pending_thread": .number(mask(toThread)), "pending_process": .number(mask(toProcess)),
  ])
}

/// Bit N-1 stands for signal N, as the kernel prints it.
private func mask(_ signals: [Int32]) -> UInt64 {
  signals.reduce(0) { $0 | 1 << UInt64($1 - 1) }
}

private typealias Handler = @convention(c) (Int32) -> Void

private func handle(_ signal: Int32, _ handler: Handler?) throws {
  var action = sigaction()
  // SAFETY: the handler is a C function or one of the special values, and keeps no context.
  action.__sigaction_handler.sa_handler = handler
  try check("sigaction", sigaction(signal, &action, nil))
}

private func block(_ signals: [Int32]) throws {
  var set = sigset_t()
  // SAFETY: the set is local, initialised by sigemptyset before use.
  sigemptyset(&set)
  for signal in signals { sigaddset(&set, signal) }
  try check("sigprocmask", sigprocmask(SIG_SETMASK, &set, nil))
}

private func blockedSet() throws -> UInt64 {
  var set = sigset_t()
  // SAFETY: sigprocmask fills the set.
  try check("sigprocmask", sigprocmask(SIG_SETMASK, nil, &set))
  return mask((1...64).filter { sigismember(&set, $0) == 1 })
}

/// The signals whose handler, as a number, satisfies the test: 0 is default and 1 is ignored.
///
/// Asks the kernel, because the C library hides the signals that it keeps for itself.
private func dispositions(_ test: (UInt) -> Bool) -> UInt64 {
  mask(
    (1...64).filter { signal in
      // struct sigaction of the kernel: the handler comes first, the rest is three words at most.
      var action: [UInt] = [0, 0, 0, 0]
      // SAFETY: the kernel fills the structure, whose set of signals has eight bytes.
      let result = action.withUnsafeMutableBytes {
        linuxCall(
          CallNumber.signalAction, Int(signal), 0, Int(bitPattern: $0.baseAddress), 8, 0)
      }
      return result == 0 && test(action[0])
    })
}
