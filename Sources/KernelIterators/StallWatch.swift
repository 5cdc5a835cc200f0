import Glibc
import Synchronization

/// Where a read that does not come back is waiting.
public enum StallPlace: Sendable, Equatable {
  /// A program run for this process has begun and not ended.
  case inside(pid: UInt32)
  /// The walk is between program runs, behind this process (0: before the first).
  case after(pid: UInt32)
}

/// When a reader's read under way began.
final class ReadClock: Sendable {
  /// CLOCK_MONOTONIC; 0 between reads.
  private let start = Atomic<UInt64>(0)

  var began: UInt64 { start.load(ordering: .relaxed) }

  func readBegins() { start.store(clockTime(CLOCK_MONOTONIC), ordering: .relaxed) }

  func readEnds() { start.store(0, ordering: .relaxed) }
}

/// Notices reads that do not come back: the kernel waits where a process's memory is locked.
///
/// A reading thread sleeps in the kernel, so another one watches.
final class StallWatch: Sendable {
  /// Of each reader.
  let clocks: [ReadClock]
  private let progress: ProgressProbe
  private let report: @Sendable (StallPlace) -> Void

  /// Nanoseconds that a read may take.
  private static let patience: UInt64 = 2_000_000_000
  /// Microseconds between two looks: nothing tells a thread that another one sleeps.
  private static let pause: UInt32 = 100_000

  init(
    _ progress: ProgressProbe, readers: Int, report: @escaping @Sendable (StallPlace) -> Void
  ) {
    self.progress = progress
    self.report = report
    clocks = (0..<readers).map { _ in ReadClock() }
    startThread()
  }

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
    var reported = [UInt64](repeating: 0, count: clocks.count)
    while true {
      usleep(Self.pause)
      for (reader, clock) in clocks.enumerated() {
        let start = clock.began
        guard start != 0, start != reported[reader],
          clockTime(CLOCK_MONOTONIC) - start > Self.patience,
          let place = progress.place(of: reader)
        else { continue }
        // Once for each read: it may go on to wait for the next process.
        reported[reader] = start
        report(place)
      }
    }
  }
}
