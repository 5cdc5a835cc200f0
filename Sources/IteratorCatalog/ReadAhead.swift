import Glibc
public import RecordSchema
import Synchronization

/// Reads a source from another thread while the records before are written: a long walk costs the
/// kernel's time or the writer's, whichever is more, and not both.
///
/// The thread starts only when a walk has turned out long: a short one never waits for it.
public struct ReadAhead<Source: RecordSource & ~Copyable>: RecordSource, ~Copyable {
  /// Why it can fail: as its source.
  public typealias Failure = Source.Failure

  /// Until a thread reads it.
  private var source: Source?
  private var pieces: Pieces<Source>?
  private var readSoFar = 0
  private var isAtEnd = false
  private var next = 0

  /// Bytes of a walk that is not long yet.
  private static var longWalk: Int { 256 << 10 }

  /// Reads ahead of a source.
  public init(_ source: consuming Source) { self.source = consume source }

  deinit { pieces?.stop() }

  /// Reads the next bytes; 0 at the end.
  ///
  /// - Throws: what the source throws.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    guard !isAtEnd else { return 0 }
    if let pieces {
      let count = try pieces.take(next, into: buffer)
      next = (next + 1) % Pieces<Source>.count
      isAtEnd = count == 0
      return count
    }
    let count = try source.attempt(into: buffer).get()
    readSoFar += count
    if readSoFar >= Self.longWalk && buffer.count >= Pieces<Source>.size { startThread() }
    return count
  }

  private mutating func startThread() {
    guard let source = source.take() else { return }
    let pieces = Pieces(source)
    if pieces.start() {
      self.pieces = pieces
    } else {
      self.source = pieces.source.take()
      readSoFar = .min
    }
  }
}

extension Optional where Wrapped: RecordSource & ~Copyable {
  /// Reads from the source that is there; 0, as at the end, from none.
  fileprivate mutating func attempt(
    into buffer: UnsafeMutableRawBufferPointer
  ) -> Result<Int, Wrapped.Failure> {
    guard var source = take() else { return .success(0) }
    let result: Result<Int, Wrapped.Failure>
    do throws(Wrapped.Failure) { result = .success(try source.read(into: buffer)) } catch {
      result = .failure(error)
    }
    self = consume source
    return result
  }
}

/// What runs in a thread of its own; a C function cannot be generic, but can call a method.
private class ThreadBody {
  func run() {}

  /// Runs it in a new thread, which keeps it until it is done.
  ///
  /// - Returns: false if there can be none, or no processor for it.
  final func start() -> Bool {
    guard sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1 else { return false }
    var thread = pthread_t()
    // SAFETY: the thread takes over one reference and gives it back at its end.
    let context = Unmanaged.passRetained(self)
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context.toOpaque())
    if code != 0 { context.release() } else { pthread_detach(thread) }
    return code == 0
  }
}

/// What the two threads share: a ring of pieces, each belonging to one of them at a time.
///
/// A piece and its result belong to the reading thread until it posts `filled`, and to the other one
/// until that posts `free`; the source belongs to the thread from its start.
private final class Pieces<Source: RecordSource & ~Copyable>: ThreadBody {
  static var count: Int { 8 }
  /// What a read of an iterator returns at most where pages have 4 KiB; elsewhere it takes several.
  static var size: Int { 32 << 10 }

  var source: Source?
  private let pieces: UnsafeMutableRawBufferPointer
  private let results: UnsafeMutableBufferPointer<Result<Int, Source.Failure>>
  private let filled = Semaphore(0)
  private let free = Semaphore(UInt32(Pieces.count))
  private let isStopped = Atomic(false)

  init(_ source: consuming Source) {
    self.source = consume source
    // SAFETY: freed in deinit; the thread holds a reference while it runs.
    pieces = .allocate(byteCount: Self.count * Self.size, alignment: 16)
    // SAFETY: as above.
    results = .allocate(capacity: Self.count)
    results.initialize(repeating: .success(0))
  }

  deinit {
    pieces.deallocate()
    results.deinitialize().deallocate()
  }

  /// Reads until the end, a failure, or nobody wants more.
  override func run() {
    var index = 0
    while true {
      free.wait()
      if isStopped.load(ordering: .acquiring) { return }
      let result = source.attempt(into: piece(index))
      results[index] = result
      filled.post()
      guard case .success(let count) = result, count > 0 else { return }
      index = (index + 1) % Self.count
    }
  }

  /// Copies the next piece.
  func take(_ index: Int, into buffer: UnsafeMutableRawBufferPointer) throws(Source.Failure) -> Int
  {
    filled.wait()
    let count = try results[index].get()
    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: piece(index)[..<count]))
    free.post()
    return count
  }

  /// Nobody wants more.
  func stop() {
    isStopped.store(true, ordering: .releasing)
    free.post()
  }

  private func piece(_ index: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      rebasing: pieces[index * Self.size..<(index + 1) * Self.size])
  }
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
