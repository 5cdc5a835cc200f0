import Glibc
import Synchronization

/// What a reading thread and the one that takes the bytes share: a ring of pieces, each belonging to
/// one of them at a time.
///
/// A piece belongs to the reading thread until it posts `filled`, and to the other one until that posts
/// `free`.
class PieceRing {
  /// What a filled piece holds.
  struct Piece {
    var bytes: UnsafeRawBufferPointer
    /// Does nothing follow it, or nothing of the same part of a shared walk?
    var isLast: Bool
  }

  private let pieces: UnsafeMutableBufferPointer<Result<Piece, any Error>>
  private let filled = Semaphore(0)
  private let free: Semaphore
  private let isStopped = Atomic(false)
  private let ended = Semaphore(0)
  private(set) var hasThread = false
  /// The piece that the taking thread is at.
  private var taken = 0

  /// Makes a ring of so many pieces.
  init(count: Int) {
    // SAFETY: freed in deinit; the thread holds a reference while it runs.
    pieces = .allocate(capacity: count)
    pieces.initialize(
      repeating: .success(Piece(bytes: .init(start: nil, count: 0), isLast: true)))
    free = Semaphore(UInt32(count))
  }

  deinit { pieces.deinitialize().deallocate() }

  /// Fills a piece, in the reading thread; nil if there is nothing more to read.
  func fill(_ index: Int) -> Result<Piece, any Error>? { nil }

  /// Starts the thread, which keeps this until it is done. Without a thread, pieces are filled when
  /// they are taken.
  final func start() {
    var thread = pthread_t()
    // SAFETY: the thread takes over one reference and gives it back at its end.
    let context = Unmanaged.passRetained(self)
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<PieceRing>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context.toOpaque())
    hasThread = code == 0
    if hasThread { pthread_detach(thread) } else { context.release() }
  }

  /// Reads until there is nothing more, a failure, or nobody wants more.
  private func run() {
    defer { ended.post() }
    var index = 0
    while true {
      free.wait()
      if isStopped.load(ordering: .acquiring) { return }
      guard let result = fill(index) else { return }
      pieces[index] = result
      filled.post()
      if case .failure = result { return }
      index = (index + 1) % pieces.count
    }
  }

  /// Waits for the next piece. It stays as it is until `release()`. Not to be called behind the last.
  final func take() throws -> Piece {
    if hasThread { filled.wait() } else if let result = fill(taken) { pieces[taken] = result }
    return try pieces[taken].get()
  }

  /// Gives the piece back.
  final func release() {
    taken = (taken + 1) % pieces.count
    free.post()
  }

  /// Nobody wants more.
  final func stop() {
    isStopped.store(true, ordering: .releasing)
    free.post()
  }

  /// Waits until the thread fills no piece any more; once.
  final func waitForEnd() { if hasThread { ended.wait() } }
}

/// sem_overview(7)
private struct Semaphore: ~Copyable {
  private let pointer: UnsafeMutablePointer<sem_t>

  init(_ value: UInt32) {
    pointer = .allocate(capacity: 1)
    sem_init(pointer, 0, value)
  }

  deinit {
    sem_destroy(pointer)
    pointer.deallocate()
  }

  borrowing func wait() { while sem_wait(pointer) != 0 && errno == EINTR {} }

  borrowing func post() { sem_post(pointer) }
}
