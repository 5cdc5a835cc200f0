/// Records of a table with fields of a holder behind their own.
///
/// What a program stored stays where it is: `Projection.withoutOwners` has it leave the room.
public struct OwnedRecords: ~Copyable {
  /// The records so far, one behind the other.
  public private(set) var bytes: [UInt8] = []
  private let hash: UInt64
  private let wanted: [UInt64]
  private let partialOffset: Int
  /// Where the holder's fields are in its record, and where they go.
  private let copies: [(from: RecordLayout.Slot, to: RecordLayout.Slot)]

  /// Plans the copying.
  ///
  /// - Parameters:
  ///   - wide: the columns that are wanted, of the schema with owners.
  ///   - holder: what is stored of the holders: columns of `files`.
  public init(_ wide: Projection, from holder: Projection) {
    hash = wide.layout.hash
    wanted = wide.wanted
    partialOffset = wide.layout.partialOffset
    copies = Self.wantedSources(wide).compactMap { to, source in
      guard let column = holder.columns.first(where: { $0.field.name == source }),
        let from = column.slot ?? column.inputs.first
      else { return nil }
      return (from, to)
    }
  }

  /// The columns of `files` that are needed of a holder, for columns of a schema with owners.
  public static func sources(for wide: Projection) -> [String] {
    wantedSources(wide).map(\.column)
  }

  private static func wantedSources(_ wide: Projection) -> [(
    slot: RecordLayout.Slot, column: String
  )] {
    OwnerColumn.sources.compactMap { field, column in
      guard let slot = wide.layout.slot(field, of: wide.schema),
        wide.wanted[slot.bit / 64] >> UInt64(slot.bit % 64) & 1 == 1
      else { return nil }
      return (slot, column)
    }
  }

  /// Forgets the records, but not their room.
  public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  /// Appends the preamble of a stream whose own one is given.
  public mutating func append(_ preamble: Preamble) {
    var preamble = preamble
    preamble.layoutHash = hash
    preamble.wanted = wanted
    bytes += preamble.encoded
  }

  /// Appends a record, with what there is of a holder; without values for one if there is none.
  public mutating func append(_ record: RawRecord, heldBy holder: RawRecord?) {
    let start = bytes.count
    bytes.append(contentsOf: record.bytes)
    guard let holder else { return }
    for (from, to) in copies { copy(holder, from, to, at: start) }
    store(UInt16(truncatingIfNeeded: bytes.count - start), at: start)
  }

  private mutating func copy(
    _ holder: RawRecord, _ from: RecordLayout.Slot, _ to: RecordLayout.Slot, at start: Int
  ) {
    switch holder.value(from) {
    case .unsigned(let number): store(UInt32(truncatingIfNeeded: number), at: start + to.offset)
    case .bytes(let text):
      store(UInt16(truncatingIfNeeded: bytes.count - start), at: start + to.offset)
      store(UInt16(truncatingIfNeeded: text.count), at: start + to.offset + 2)
      bytes.append(contentsOf: text)
      if holder.isCut(from) { mark(to, at: start + partialOffset) }
    case .unreadable: return mark(to, at: start + partialOffset)
    case .signed, .real, .absent: return
    }
    mark(to, at: start + RecordLayout.headerSize)
  }

  private mutating func mark(_ slot: RecordLayout.Slot, at mask: Int) {
    bytes[mask + slot.bit / 8] |= 1 << UInt8(slot.bit % 8)
  }

  private mutating func store<Number: FixedWidthInteger>(_ number: Number, at place: Int) {
    bytes.withUnsafeMutableBytes {
      // SAFETY: callers have appended what is at the place.
      $0.storeBytes(of: number.littleEndian, toByteOffset: place, as: Number.self)
    }
  }
}
