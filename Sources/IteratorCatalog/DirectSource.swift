import KernelIterators
import RecordSchema

/// Records of a program that walks by itself, in the order in which an iterator gives them.
final class DirectSource: RecordSource {
  private var walk: DirectWalk
  private var hasWalked = false
  /// The records in order, where the walk went in another one.
  private var ordered: [UInt8]?
  /// Bytes of them that have been read.
  private var position = 0

  /// Loads the program.
  ///
  /// - Throws: `IteratorError`; `invalid` if the request is not one for this engine.
  init(_ files: EmbeddedFiles, _ request: TableRequest) throws(IteratorError) {
    let table = request.projection.schema.name
    guard request.obstacleToDirect == nil, let program = request.directProgram else {
      throw IteratorError(
        iterator: table, stage: .load, cause: .invalid, advice: request.obstacleToDirect ?? "")
    }
    let name = program.name + "_direct"
    walk = try DirectWalk(
      name, iterator: table, scopes: request.walkScopes, size: request.expectedSize
    ) { chunks throws(IteratorError) in
      try request.load(files, [name], chunks: chunks)
    }
  }

  /// Loads the program if it was asked for, or is the fastest way here; nil if another engine is.
  ///
  /// - Throws: `IteratorError` if it was asked for, and cannot be had.
  static func ifSuitable(
    _ files: EmbeddedFiles, _ request: TableRequest, isRepeated: Bool
  ) throws(IteratorError) -> DirectSource? {
    switch request.engine {
    case .seq: return nil
    case .direct:
      do {
        return try DirectSource(files, request)
      } catch  where error.cause == .unsupported {
        var error = error
        error.advice = "this kernel has no open-coded iterators (Linux 6.7); use --engine seq"
        throw error
      }
    case nil:
      guard request.prefersDirect(isRepeated: isRepeated) else { return nil }
      return request.needsDirect
        ? try DirectSource(files, request) : try? DirectSource(files, request)
    }
  }

  /// Walks once, and forgets what an earlier walk gave.
  func run() throws(IteratorError) {
    try walk.run()
    hasWalked = true
    position = 0
    ordered = isOrdered ? nil : inOrder()
  }

  /// Shows the records: whole ones in each piece, valid during the call.
  func forEachPiece<Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) {
    guard let ordered else {
      try walk.forEachPiece(body)
      return
    }
    let result = ordered.withUnsafeBytes { bytes -> Result<Void, Failure> in
      do throws(Failure) { return .success(try body(bytes)) } catch { return .failure(error) }
    }
    try result.get()
  }

  /// How many bytes there are, and about how many records.
  var extent: (bytes: Int, records: Int) {
    var bytes = 0
    forEachPiece { bytes += $0.count }
    return (bytes, Int(walk.records))
  }

  /// A copy of the first `size` bytes.
  func copy(_ size: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: size) { memory, count in
      forEachPiece { piece in
        let part = piece.prefix(memory.count - count)
        // SAFETY: so many bytes are left in `memory`, which nothing else knows of.
        UnsafeMutableRawBufferPointer(memory)[count...].copyBytes(from: part)
        count += part.count
      }
    }
  }

  /// Makes the next read walk anew.
  func restart() { hasWalked = false }

  /// Walks at the first call, and gives the next bytes; 0 at the end.
  ///
  /// - Throws: `IteratorError`.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(IteratorError) -> Int {
    if !hasWalked { try run() }
    var count = 0
    var start = 0
    forEachPiece { piece in
      let done = position + count - start
      start += piece.count
      guard done >= 0, done < piece.count, count < buffer.count else { return }
      let part = piece[done...].prefix(buffer.count - count)
      UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: part))
      count += part.count
    }
    position += count
    return count
  }

  private var isOrdered: Bool {
    var latest: UInt32 = 0
    var isOrdered = true
    forEachPiece { piece in
      var at = 0
      while isOrdered, let header = RecordHeader(piece, at: at) {
        isOrdered = header.order >= latest
        latest = header.order
        at += header.size
      }
    }
    return isOrdered
  }

  /// A copy with the records by rising order.
  private func inOrder() -> [UInt8] {
    var places: [(order: UInt32, start: Int, size: Int)] = []
    var bytes: [UInt8] = []
    walk.forEachPiece { piece in
      var at = 0
      while let header = RecordHeader(piece, at: at) {
        places.append((header.order, bytes.count + at, header.size))
        at += header.size
      }
      bytes.append(contentsOf: piece)
    }
    places.sort { $0.order < $1.order }
    var ordered: [UInt8] = []
    ordered.reserveCapacity(bytes.count)
    for place in places { ordered += bytes[place.start..<place.start + place.size] }
    return ordered
  }
}
