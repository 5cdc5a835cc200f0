import RecordSchema

/// Records with room for fields that are stored before those that they had: what a program stored
/// stays as it is, but further back.
struct WideRecords {
  /// A value for one of the new fields.
  enum Added {
    case real(Double)
    case text(StaticString)
  }

  private(set) var bytes: [UInt8] = []
  private let own: RecordLayout
  private let wide: RecordLayout
  private let added: Int
  /// Bytes that everything moves back by.
  private let shift: Int
  /// Fields that say where in the record their value lies.
  private let places: [RecordLayout.Slot]

  /// Widens records of one layout to another, whose first `added` fields are new.
  init(from own: RecordLayout, to wide: RecordLayout, added: Int) {
    self.own = own
    self.wide = wide
    self.added = added
    shift = wide.slots[added].offset - own.slots[0].offset
    places = own.slots.filter { [.text, .u32List, .u64List, .value].contains($0.type) }
  }

  /// Appends a record, with values for new fields by their number.
  mutating func append(_ record: RawRecord, _ values: [(field: Int, value: Added)]) {
    let start = bytes.count
    bytes += repeatElement(0, count: shift)
    record.copyBytes(to: &bytes)
    move(at: start)
    for (field, value) in values { put(value, wide.slots[field], at: start) }
    store(UInt16(bytes.count - start), at: start)
  }

  /// Brings what the record begins with to its new beginning.
  private mutating func move(at start: Int) {
    let old = start + shift
    for index in 0..<RecordLayout.headerSize { bytes[start + index] = bytes[old + index] }
    let masks = (0..<2 * own.words).map { load(old + RecordLayout.headerSize + 8 * $0) }
    for place in start + RecordLayout.headerSize..<start + wide.slots[added].offset {
      bytes[place] = 0
    }
    for word in 0..<own.words {
      store(masks[word], word, in: start + RecordLayout.headerSize)
      store(masks[own.words + word], word, in: start + wide.partialOffset)
    }
    for slot in places where masks[slot.bit / 64] >> UInt64(slot.bit % 64) & 1 == 1 {
      let place = old + slot.offset
      store(UInt16(bytes[place]) + UInt16(bytes[place + 1]) << 8 + UInt16(shift), at: place)
    }
  }

  /// Stores a word of a mask that begins at `mask`, `added` bits further on.
  private mutating func store(_ bits: UInt64, _ word: Int, in mask: Int) {
    for bit in 0..<8 {
      let byte = UInt16(truncatingIfNeeded: bits >> UInt64(8 * bit)) & 0xff
      let first = 64 * word + 8 * bit + added
      let moved = byte << UInt16(first % 8)
      bytes[mask + first / 8] |= UInt8(moved & 0xff)
      if moved > 0xff { bytes[mask + first / 8 + 1] |= UInt8(moved >> 8) }
    }
  }

  private mutating func put(_ value: Added, _ slot: RecordLayout.Slot, at start: Int) {
    let begin = bytes.count
    switch value {
    case .real(let number):
      bytes.append(ValueTag.real.rawValue)
      withUnsafeBytes(of: number) { bytes += $0 }
    case .text(let text):
      bytes.append(ValueTag.text.rawValue)
      bytes += UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }
    store(UInt16(begin - start), at: start + slot.offset)
    store(UInt16(bytes.count - begin), at: start + slot.offset + 2)
    bytes[start + RecordLayout.headerSize + slot.bit / 8] |= 1 << UInt8(slot.bit % 8)
  }

  private func load(_ place: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) }
  }

  private mutating func store(_ number: UInt16, at place: Int) {
    bytes[place] = UInt8(truncatingIfNeeded: number)
    bytes[place + 1] = UInt8(number >> 8)
  }
}
