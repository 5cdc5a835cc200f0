import KernelIterators
import RecordSchema

/// Records of a program that walks by itself, in the order in which an iterator gives them.
///
/// What never sleeps comes from one run. Otherwise the walk goes in parts and, where there are many
/// tasks and processors, two threads take them in turn.
final class DirectSource: RecordSource {
  private let walk: DirectWalk
  private let inParts: Bool
  private var readers: [PieceRing] = []
  /// The parts that are left, from the one being read; nil before a walk.
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
    let inParts = request.projection.maySleep
    let name = program.name + (inParts ? "_parts" : "_whole")
    let slots = inParts ? UInt32(DirectWalk.readers) : 1
    let tasks = taskCount() ?? 1000
    let size =
      inParts ? DirectMemorySize(tasks: tasks) : DirectMemorySize(bytes: request.bytes(for: tasks))
    walk = try DirectWalk(
      name, iterator: table, size: size, onStall: request.projection.mayWait ? onStall : nil
    ) { memory throws(IteratorError) in
      try request.load(files, [name], slots: slots, memory: memory)
    }
    self.inParts = inParts
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
        if KernelSupport()?.isNewEnough() == false { throw error }
        var error = error
        error.advice = "this kernel has no open-coded iterators (Linux 6.7); use --engine seq"
        throw error
      }
    case nil:
      guard request.prefersDirect(isRepeated: isRepeated) else { return nil }
      do {
        return try DirectSource(files, request, onStall)
      } catch  where error.cause == .unsupported {
        return nil
      }
    }
  }

  deinit { stop() }

  private func stop() { for reader in readers { reader.stop() } }

  /// Makes the next read walk anew.
  func restart() {
    // A thread may still be writing to the memory.
    stop()
    for reader in readers { reader.waitForEnd() }
    readers = []
    parts = nil
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

  /// How many bytes there surely will be.
  ///
  /// - Throws: `IteratorError`.
  func leastSize() throws -> Int {
    if parts == nil { try begin() }
    return (readers.first as? WholeReader)?.size ?? 0
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

  private func reader(of parts: Range<Int>) -> PieceRing {
    readers[parts.lowerBound % readers.count]
  }

  private func begin() throws(IteratorError) {
    guard inParts else {
      readers = [WholeReader(walk, chunks: try walk.storeAll())]
      parts = 0..<1
      return
    }
    let tasks = try walk.list()
    let isShared = tasks >= Self.manyTasks && hasProcessors
    let count = isShared ? DirectWalk.readers : 1
    readers = (0..<count).map { PartReader(walk, tasks: tasks, number: $0, of: count) }
    if isShared { for reader in readers { reader.start() } }
    parts = 0..<(tasks + PartReader.part - 1) / PartReader.part
  }
}

/// One of the readers of a walk in parts: of n readers, each takes every n-th part.
private final class PartReader: PieceRing {
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

/// The reader of a walk in one run.
private final class WholeReader: PieceRing {
  private let walk: DirectWalk
  private let chunks: Int
  private var next = 0
  /// The records in order, where the walk went in another one.
  private var ordered: UnsafeMutableRawBufferPointer?

  init(_ walk: DirectWalk, chunks: Int) {
    self.walk = walk
    self.chunks = chunks
    super.init(count: 1)
    if !isOrdered { ordered = inOrder() }
  }

  deinit { ordered?.deallocate() }

  override func fill(_ index: Int) -> Result<Piece, any Error>? {
    if let ordered { return .success(Piece(bytes: .init(ordered), isLast: true)) }
    let bytes = walk.records(in: next)
    next += 1
    return .success(Piece(bytes: bytes, isLast: next == chunks))
  }

  var size: Int { (0..<chunks).reduce(0) { $0 + walk.records(in: $1).count } }

  private func forEachRecord(_ body: (UnsafeRawBufferPointer, RecordHeader) -> Void) {
    for chunk in 0..<chunks {
      let bytes = walk.records(in: chunk)
      var at = 0
      while let header = RecordHeader(bytes, at: at) {
        body(UnsafeRawBufferPointer(rebasing: bytes[at..<at + header.size]), header)
        at += header.size
      }
    }
  }

  private var isOrdered: Bool {
    var latest: UInt32 = 0
    var isOrdered = true
    forEachRecord { _, header in
      isOrdered = isOrdered && header.order >= latest
      latest = header.order
    }
    return isOrdered
  }

  /// A copy with the records by rising order.
  private func inOrder() -> UnsafeMutableRawBufferPointer {
    var places: [(order: UInt32, bytes: UnsafeRawBufferPointer)] = []
    forEachRecord { bytes, header in places.append((header.order, bytes)) }
    places.sort { $0.order < $1.order }
    // SAFETY: freed in deinit.
    let ordered = UnsafeMutableRawBufferPointer.allocate(
      byteCount: places.reduce(0) { $0 + $1.bytes.count }, alignment: 8)
    var at = 0
    for place in places {
      ordered[at..<at + place.bytes.count].copyBytes(from: place.bytes)
      at += place.bytes.count
    }
    return ordered
  }
}
