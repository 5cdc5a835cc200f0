import NIOCore
import NIOPosix
import Synchronization

/// Scrapes, one at a time: who asks during one gets its result.
final class Scrapes: Sendable {
  private let thread = NIOThreadPool(numberOfThreads: 1)
  private let collector: NIOLoopBoundCollector
  private let waiting = Mutex<[EventLoopPromise<[String]>]>([])

  init(_ collector: Collector) {
    self.collector = NIOLoopBoundCollector(collector)
    thread.start()
  }

  /// The texts of a scrape, one for each format.
  func texts(on loop: any EventLoop) -> EventLoopFuture<[String]> {
    let promise = loop.makePromise(of: [String].self)
    let isFirst = waiting.withLock { waiting in
      waiting.append(promise)
      return waiting.count == 1
    }
    if isFirst { thread.submit { [self] _ in run() } }
    return promise.futureResult
  }

  private func run() {
    let texts = collector.value.collect()
    let done = waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
    for promise in done { promise.succeed(texts) }
  }
}

/// The collector, which only the thread of the scrapes touches.
// SAFETY: the pool has one thread, and nothing else has the collector.
private struct NIOLoopBoundCollector: @unchecked Sendable {
  let value: Collector

  init(_ value: Collector) { self.value = value }
}
