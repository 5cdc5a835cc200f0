/// Cuts the bytes of a source into records.
public struct RecordStream<Source: RecordSource & ~Copyable>: ~Copyable {
  private var source: Source
  private let table: String
  private var cutter: RecordCutter
  private var shown: ShownRecords?
  private let buffer: UnsafeMutableRawBufferPointer
  /// Bytes in `buffer` that belong to a record whose end has not been read.
  private var carried = 0
  /// The latest preamble: a stream may consist of several sessions.
  public var preamble: Preamble? { cutter.preamble }

  /// A record is at most 32,767 bytes, and so is what the kernel returns at once: room for an
  /// unfinished record and a whole read.
  private static var capacity: Int { 128 << 10 }

  /// Reads records of `schema` from `source`.
  public init(_ source: consuming Source, schema: Schema, layout: RecordLayout) {
    self.source = source
    self.table = schema.name
    cutter = RecordCutter(schema: schema, layout: layout)
    shown = ShownRecords(schema, layout)
    // SAFETY: freed in deinit; no view of it leaves `nextRecords` but for the closure's time.
    buffer = .allocate(byteCount: Self.capacity, alignment: 16)
  }

  deinit { buffer.deallocate() }

  /// Reads once and hands over each record that is then complete, but none that the kernel shows
  /// again.
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
    let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<end])
    let cut = try cutter.cut(bytes) { record, _, preamble in
      if shown?.isRepeated(record) != true { try body(record, preamble) }
    }
    carryOver(from: cut, to: end)
    return true
  }

  private mutating func carryOver(from at: Int, to end: Int) {
    carried = end - at
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
