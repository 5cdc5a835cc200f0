import KernelIterators
import RecordSchema

/// Records of a program that walks by itself, in the order in which an iterator gives them.
///
/// Where there are many tasks and processors, two threads share the list of tasks: they take parts of
/// it in turn.
final class DirectSource: RecordSource {
  private var walk: DirectWalk
  private let load: () throws(IteratorError) -> DirectWalk
  private var readers: [DirectReader] = []
  /// The parts of the list, and the one being read; nil before a walk.
  private var parts: Range<Int>?
  private var piece: PieceRing.Piece?
  /// Bytes of the piece that have been read.
  private var position = 0

  /// Fewer are stored before another thread has begun.
  private static var manyTasks: Int { 1000 }

  /// Loads the program.
  ///
  /// - Throws: `IteratorError`; `invalid` if the request is not one for this engine.
  init(
    _ files: EmbeddedFiles, _ request: TableRequest,
    _ onStall: (@Sendable (StallPlace) -> Void)? = nil
  ) throws(IteratorError) {
    let table = request.projection.schema.name
    guard request.obstacleToDirect == nil, let program = request.directProgram else {
      throw IteratorError(
        iterator: table, stage: .load, cause: .invalid, advice: request.obstacleToDirect ?? "")
    }
    let name = program.name + "_direct"
    load = { () throws(IteratorError) in
      try DirectWalk(
        name, iterator: table, tasks: taskCount() ?? 0,
        onStall: request.projection.mayWait ? onStall : nil
      ) { memory throws(IteratorError) in
        try request.load(files, [name], slots: UInt32(DirectWalk.readers), memory: memory)
      }
    }
    walk = try load()
  }

  /// Loads the program if it was asked for, or is the fastest way here; nil if another engine is.
  ///
  /// - Throws: `IteratorError` if it was asked for, and cannot be had.
  static func ifSuitable(
    _ files: EmbeddedFiles, _ request: TableRequest, isRepeated: Bool,
    _ onStall: (@Sendable (StallPlace) -> Void)? = nil
  ) throws(IteratorError) -> DirectSource? {
    switch request.engine {
    case .seq: return nil
    case .direct:
      do {
        return try DirectSource(files, request, onStall)
      } catch  where error.cause == .unsupported {
        var error = error
        error.advice = "this kernel has no open-coded iterators (Linux 6.7); use --engine seq"
        throw error
      }
    case nil:
      guard request.prefersDirect(isRepeated: isRepeated) else { return nil }
      return try? DirectSource(files, request, onStall)
    }
  }

  deinit { stop() }

  private func stop() { for reader in readers { reader.stop() } }

  /// Makes the next read walk anew.
  ///
  /// - Throws: `IteratorError`.
  func restart() throws(IteratorError) {
    guard let parts else { return }
    // A thread may still be writing to the memory: it keeps it.
    if !parts.isEmpty {
      stop()
      walk = try load()
    }
    self.parts = nil
    piece = nil
    position = 0
  }

  /// Walks at the first call, and gives the next bytes; 0 at the end.
  ///
  /// - Throws: `IteratorError`.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var count = 0
    while count == 0, let piece = try nextPiece() {
      count = min(buffer.count, piece.bytes.count - position)
      let part = piece.bytes[position..<position + count]
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
      take(count)
    }
    return count
  }

  /// Shows the records from here to the end: whole ones in each piece, valid during the call.
  func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    while let piece = try nextPiece() {
      try body(piece.bytes)
      take(piece.bytes.count)
    }
  }

  private func nextPiece() throws -> PieceRing.Piece? {
    if parts == nil { try begin() }
    guard let parts, !parts.isEmpty else { return nil }
    if piece == nil { piece = try reader(of: parts).take() }
    return piece
  }

  /// So many bytes of the piece have been used.
  private func take(_ count: Int) {
    position += count
    guard let parts, let piece, position == piece.bytes.count else { return }
    reader(of: parts).release()
    self.piece = nil
    position = 0
    if piece.isLast { self.parts = parts.dropFirst() }
  }

  private func reader(of parts: Range<Int>) -> DirectReader {
    readers[parts.lowerBound % readers.count]
  }

  private func begin() throws(IteratorError) {
    let tasks = try walk.list()
    let isShared = tasks >= Self.manyTasks && hasProcessors
    let count = isShared ? DirectWalk.readers : 1
    readers = (0..<count).map { DirectReader(walk, tasks: tasks, number: $0, of: count) }
    if isShared { for reader in readers { reader.start() } }
    parts = 0..<(tasks + DirectReader.part - 1) / DirectReader.part
  }
}

/// One of the readers of a walk: each takes every so manieth part of the list.
private final class DirectReader: PieceRing {
  /// Tasks in a part: with a command line each, what a chunk has room for.
  static var part: Int { 256 }

  private let walk: DirectWalk
  private let tasks: Int
  private let number: Int
  private let stride: Int
  private var next: Int

  init(_ walk: DirectWalk, tasks: Int, number: Int, of count: Int) {
    self.walk = walk
    self.tasks = tasks
    self.number = number
    next = number * Self.part
    stride = count * Self.part
    super.init(count: DirectWalk.chunksOfReader)
  }

  /// Stores as much of the current part as there is room for.
  override func fill(_ index: Int) -> Result<Piece, any Error>? {
    guard next < tasks else { return nil }
    let part = next / Self.part * Self.part
    let end = min(tasks, part + Self.part)
    do {
      let stored = try walk.store(next..<end, chunk: index, reader: number)
      let isLast = stored.next == end
      next = isLast ? part + stride : stored.next
      return .success(Piece(bytes: stored.records, isLast: isLast))
    } catch {
      return .failure(error)
    }
  }
}
