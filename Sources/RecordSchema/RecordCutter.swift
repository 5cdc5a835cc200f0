/// Cuts bytes into preambles and records, and sees to it that they are what the layout says.
public struct RecordCutter {
  private let table: String
  private let layout: RecordLayout
  /// Bytes of the stream that have been cut.
  private var position = 0
  /// The latest preamble: a stream may consist of several sessions.
  public private(set) var preamble: Preamble?

  /// Cuts records of `schema`.
  public init(schema: Schema, layout: RecordLayout) {
    table = schema.name
    self.layout = layout
  }

  /// Hands over each record whose end is in `bytes`, with where it begins there.
  ///
  /// - Returns: how many bytes that were: a record whose end is missing begins behind them.
  /// - Throws: what `body` throws, or `StreamError`.
  public mutating func cut(
    _ bytes: UnsafeRawBufferPointer, _ body: (RawRecord, Int, Preamble) throws -> Void
  ) throws -> Int {
    let least = layout.partialOffset + 8 * layout.words
    var at = 0
    while bytes.count - at >= RecordLayout.headerSize {
      // SAFETY: the header's 8 bytes are inside.
      let size = Int(bytes.loadUnaligned(fromByteOffset: at, as: UInt16.self))
      // SAFETY: as above.
      let program = bytes.loadUnaligned(fromByteOffset: at + 2, as: UInt16.self)
      let isPreamble = program == Preamble.programNumber
      guard size >= (isPreamble ? Preamble.fixedSize : least) else { throw damaged(at) }
      guard at + size <= bytes.count else { break }
      let part = UnsafeRawBufferPointer(rebasing: bytes[at..<at + size])
      if isPreamble {
        try take(part, at: at)
      } else if let preamble {
        try body(RawRecord(bytes: part, partialOffset: layout.partialOffset), at, preamble)
      } else {
        throw damaged(at)
      }
      at += size
    }
    position += at
    return at
  }

  /// Notes where each record begins in bytes that are whole records, of which the first is at `start`.
  ///
  /// - Throws: `StreamError`.
  package mutating func cut(
    _ bytes: UnsafeRawBufferPointer, from start: Int, noting starts: inout [Int]
  ) throws {
    let end = try cut(bytes) { _, at, _ in starts.append(start + at) }
    if end < bytes.count {
      throw StreamError.endsInRecord(table: table, missing: bytes.count - end)
    }
  }

  private mutating func take(_ bytes: UnsafeRawBufferPointer, at: Int) throws(StreamError) {
    guard let found = Preamble(bytes) else { throw damaged(at) }
    guard found.layoutHash == layout.hash else {
      throw .otherLayout(table: table, found: found.table)
    }
    preamble = found
  }

  private func damaged(_ at: Int) -> StreamError { .damaged(table: table, offset: position + at) }
}
