import Glibc
import Synchronization

/// Where a read that does not come back is waiting.
public enum StallPlace: Sendable, Equatable {
  /// A program run for this process has begun and not ended.
  case inside(pid: UInt32)
  /// The walk is between program runs, behind this process (0: before the first).
  case after(pid: UInt32)
}

/// Notices a read that does not come back: the kernel waits where a process's memory is locked.
///
/// The reading thread sleeps in the kernel, so another one watches.
final class StallWatch: Sendable {
  /// When the read under way began (CLOCK_MONOTONIC); 0 between reads.
  private let began = Atomic<UInt64>(0)
  private let progress: ProgressProbe
  private let report: @Sendable (StallPlace) -> Void

  /// Nanoseconds that a read may take.
  private static let patience: UInt64 = 2_000_000_000
  /// Microseconds between two looks: nothing tells a thread that another one sleeps.
  private static let pause: UInt32 = 100_000

  init(_ progress: ProgressProbe, report: @escaping @Sendable (StallPlace) -> Void) {
    self.progress = progress
    self.report = report
    startThread()
  }

  func readBegins() { began.store(clockTime(CLOCK_MONOTONIC), ordering: .relaxed) }

  func readEnds() { began.store(0, ordering: .relaxed) }

  private func startThread() {
    var thread = pthread_t()
    // SAFETY: the thread takes over one reference and keeps it until the process ends.
    pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<StallWatch>.fromOpaque(context).takeRetainedValue().watch()
      }, Unmanaged.passRetained(self).toOpaque())
    pthread_detach(thread)
  }

  private func watch() -> Never {
    var reported: UInt64 = 0
    while true {
      usleep(Self.pause)
      let start = began.load(ordering: .relaxed)
      guard start != 0, start != reported, clockTime(CLOCK_MONOTONIC) - start > Self.patience,
        let place = progress.place()
      else { continue }
      // Once for each read: it may go on to wait for the next process.
      reported = start
      report(place)
    }
  }
}
