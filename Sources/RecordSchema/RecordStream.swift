/// Cuts the bytes of a source into records.
public struct RecordStream<Source: RecordSource & ~Copyable>: ~Copyable {
  private var source: Source
  private let table: String
  private let layout: RecordLayout
  private let buffer: UnsafeMutableRawBufferPointer
  /// Bytes in `buffer` that belong to a record whose end has not been read.
  private var carried = 0
  /// Bytes of the stream before `buffer`.
  private var position = 0
  /// The latest preamble: a stream may consist of several sessions.
  public private(set) var preamble: Preamble?

  /// A record is at most 32,767 bytes, and so is what the kernel returns at once: room for an
  /// unfinished record and a whole read.
  private static var capacity: Int { 128 << 10 }

  /// Reads records of `schema` from `source`.
  public init(_ source: consuming Source, schema: Schema, layout: RecordLayout) {
    self.source = source
    self.table = schema.name
    self.layout = layout
    // SAFETY: freed in deinit; no view of it leaves `nextRecords` but for the closure's time.
    buffer = .allocate(byteCount: Self.capacity, alignment: 16)
  }

  deinit { buffer.deallocate() }

  /// Reads once and hands over each record that is then complete.
  ///
  /// - Returns: false at the end of the stream.
  /// - Throws: what the source throws, or `StreamError`.
  public mutating func nextRecords(_ body: (RawRecord, Preamble) throws -> Void) throws -> Bool {
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer[carried...])
    let count = try source.read(into: room)
    if count == 0 {
      if carried > 0 { throw StreamError.endsInRecord(table: table, missing: missingBytes) }
      return false
    }
    let end = carried + count
    var at = 0
    while let size = try wholeRecord(at: at, end: end) {
      // SAFETY: `wholeRecord` has found `size` bytes here, all of them read.
      let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[at..<at + size])
      if programNumber(at: at) == Preamble.programNumber {
        try take(bytes, at: at)
      } else if let preamble {
        try body(RawRecord(bytes: bytes, partialOffset: layout.partialOffset), preamble)
      } else {
        throw StreamError.damaged(table: table, offset: position + at)
      }
      at += size
    }
    carryOver(from: at, to: end)
    return true
  }

  /// Size of the record at `at`, or nil if its end has not been read.
  private func wholeRecord(at: Int, end: Int) throws(StreamError) -> Int? {
    guard end - at >= RecordLayout.headerSize else { return nil }
    // SAFETY: the header's 8 bytes lie before `end`.
    let size = Int(buffer.loadUnaligned(fromByteOffset: at, as: UInt16.self))
    let isPreamble = programNumber(at: at) == Preamble.programNumber
    let least = isPreamble ? Preamble.fixedSize : layout.partialOffset + 8 * layout.words
    guard size >= least else { throw .damaged(table: table, offset: position + at) }
    return at + size <= end ? size : nil
  }

  private func programNumber(at: Int) -> UInt16 {
    // SAFETY: called only where the header's 8 bytes have been read.
    buffer.loadUnaligned(fromByteOffset: at + 2, as: UInt16.self)
  }

  private mutating func take(_ bytes: UnsafeRawBufferPointer, at: Int) throws(StreamError) {
    guard let found = Preamble(bytes) else {
      throw .damaged(table: table, offset: position + at)
    }
    guard found.layoutHash == layout.hash else {
      throw .otherLayout(table: table, found: found.table)
    }
    preamble = found
  }

  private mutating func carryOver(from at: Int, to end: Int) {
    carried = end - at
    position += at
    guard at > 0, carried > 0 else { return }
    let rest = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[at..<end])
    // SAFETY: memmove semantics; both ranges lie in the buffer.
    buffer.copyMemory(from: rest)
  }

  private var missingBytes: Int {
    guard carried >= 2 else { return RecordLayout.headerSize - carried }
    // SAFETY: two bytes were read.
    return Int(buffer.loadUnaligned(fromByteOffset: 0, as: UInt16.self)) - carried
  }
}
