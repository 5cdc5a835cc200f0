import Glibc

/// Waits for signals in a thread of its own: the one that reads may sleep in the kernel for long, and
/// the terminal must be put back even then.
final class WatchSignals: Sendable {
  private let terminal: RawTerminal
  /// Becomes readable when the screen must be drawn anew.
  let changes: Int32
  private let wake: Int32

  private static var numbers: [Int32] {
    [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH]
  }

  /// Starts the thread. Other threads must be started later: they must not take the signals.
  init(_ terminal: RawTerminal) {
    self.terminal = terminal
    var ends: [Int32] = [-1, -1]
    // SAFETY: pipe stores two descriptors.
    pipe(&ends)
    (changes, wake) = (ends[0], ends[1])
    var set = Self.set(Self.numbers)
    pthread_sigmask(SIG_BLOCK, &set, nil)
    startThread()
  }

  private func startThread() {
    var thread = pthread_t()
    // SAFETY: the thread takes over one reference and keeps it until the process ends.
    pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<WatchSignals>.fromOpaque(context).takeRetainedValue().wait()
      }, Unmanaged.passRetained(self).toOpaque())
    pthread_detach(thread)
  }

  private func wait() -> Never {
    var set = Self.set(Self.numbers)
    while true {
      var number: Int32 = 0
      guard sigwait(&set, &number) == 0 else { continue }
      switch number {
      case SIGWINCH: redraw()
      case SIGTSTP:
        // To this thread, which so goes no further before the process is stopped.
        if terminal.leave(then: { raise(SIGSTOP) }) { terminal.enter() }
        redraw()
      default: terminal.leave { Self.end(number) }
      }
    }
  }

  private func redraw() {
    var byte: UInt8 = 0
    // SAFETY: one byte is there.
    write(wake, &byte, 1)
  }

  /// Ends the process as the signal would have: whoever waits for it sees why.
  private static func end(_ number: Int32) {
    signal(number, SIG_DFL)
    var set = set([number])
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    raise(number)
  }

  private static func set(_ numbers: [Int32]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    return set
  }
}
