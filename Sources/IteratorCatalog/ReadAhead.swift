import Glibc
public import RecordSchema

/// Reads a source from another thread while the records before are written: a long walk costs the
/// kernel's time or the writer's, whichever is more, and not both.
///
/// The thread starts only when a walk has turned out long: a short one never waits for it.
public struct ReadAhead<Source: RecordSource & ~Copyable>: RecordSource, ~Copyable {
  /// Until a thread reads it.
  private var source: Source?
  private var ring: SourceRing<Source>?
  private var readSoFar = 0
  private var isAtEnd = false

  /// Bytes of a walk that is not long yet.
  private static var longWalk: Int { 256 << 10 }

  /// Reads ahead of a source, unless there is no need to: it does so itself.
  public init(_ source: consuming Source, isNeeded: Bool = true) {
    self.source = consume source
    if !isNeeded { readSoFar = .min }
  }

  deinit { ring?.stop() }

  /// Reads the next bytes; 0 at the end.
  ///
  /// - Throws: what the source throws.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard !isAtEnd else { return 0 }
    if let ring {
      let piece = try ring.take()
      buffer.copyMemory(from: piece.bytes)
      ring.release()
      isAtEnd = piece.isLast
      return piece.bytes.count
    }
    let count = try source.attempt(into: buffer).get()
    readSoFar += count
    if readSoFar >= Self.longWalk && buffer.count >= SourceRing<Source>.size { startThread() }
    return count
  }

  private mutating func startThread() {
    readSoFar = .min
    guard hasProcessors, let source = source.take() else { return }
    let ring = SourceRing(source)
    ring.start()
    self.ring = ring
  }
}

/// Is there a processor for more than one thread?
var hasProcessors: Bool { sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1 }

/// A ring that is filled from a source, which belongs to the thread from its start.
private final class SourceRing<Source: RecordSource & ~Copyable>: PieceRing {
  private static var count: Int { 8 }
  /// What a read of an iterator returns at most where pages have 4 KiB; elsewhere it takes several.
  static var size: Int { 32 << 10 }

  private var source: Source?
  private let memory: UnsafeMutableRawBufferPointer

  init(_ source: consuming Source) {
    self.source = consume source
    // SAFETY: freed in deinit; the thread holds a reference while it runs.
    memory = .allocate(byteCount: Self.count * Self.size, alignment: 16)
    super.init(count: Self.count)
  }

  deinit { memory.deallocate() }

  /// An empty piece is the end.
  override func fill(_ index: Int) -> Result<Piece, any Error>? {
    let room = UnsafeMutableRawBufferPointer(
      rebasing: memory[index * Self.size..<(index + 1) * Self.size])
    return source.attempt(into: room).map { count in
      Piece(bytes: UnsafeRawBufferPointer(rebasing: room[..<count]), isLast: count == 0)
    }
  }
}

extension Optional where Wrapped: RecordSource & ~Copyable {
  /// Reads from the source that is there; 0, as at the end, from none.
  fileprivate mutating func attempt(
    into buffer: UnsafeMutableRawBufferPointer
  ) -> Result<Int, any Error> {
    guard var source = take() else { return .success(0) }
    let result: Result<Int, any Error>
    do { result = .success(try source.read(into: buffer)) } catch { result = .failure(error) }
    self = consume source
    return result
  }
}
