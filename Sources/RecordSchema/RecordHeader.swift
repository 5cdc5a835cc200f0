/// What a record begins with.
public struct RecordHeader: Sendable, Equatable {
  /// Bytes of the record, with this header.
  public let size: Int
  /// Number of the program that wrote it; `Preamble.programNumber` says that it is a preamble.
  public let program: UInt16
  /// Where its row belongs, if the walk goes in another order; otherwise 0. A preamble is first.
  public let order: UInt32

  /// Reads the header of the record at `offset`; nil if not all of the record is in `bytes`.
  @inlinable public init?(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    guard bytes.count - offset >= RecordLayout.headerSize else { return nil }
    // SAFETY: the header's 8 bytes are inside.
    size = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    // SAFETY: as above.
    program = bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self)
    // SAFETY: as above.
    let number = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
    order = program == Preamble.programNumber ? 0 : number
    guard size >= RecordLayout.headerSize, size <= bytes.count - offset else { return nil }
  }
}
