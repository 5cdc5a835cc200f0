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
  private let move: WideMove

  /// Widens records of one layout to another, whose first `added` fields are new.
  init(from own: RecordLayout, to wide: RecordLayout, added: Int) {
    move = WideMove(from: own, to: wide, added: added)
  }

  /// Appends a record, with values for new fields by their number.
  mutating func append(_ record: RawRecord, _ values: [(field: Int, value: Added)]) {
    let start = bytes.count
    bytes += repeatElement(0, count: move.shift)
    record.copyBytes(to: &bytes)
    let move = move
    bytes.withUnsafeMutableBytes {
      move.apply(to: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
    }
    for (field, value) in values { put(value, move.wide.slots[field], at: start) }
    store(UInt16(bytes.count - start), at: start)
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

  private mutating func store(_ number: UInt16, at place: Int) {
    bytes[place] = UInt8(truncatingIfNeeded: number)
    bytes[place + 1] = UInt8(number >> 8)
  }
}

/// Brings what a record begins with to its new beginning.
private struct WideMove {
  let wide: RecordLayout
  /// Bytes that everything moves back by.
  let shift: Int
  private let own: RecordLayout
  private let added: Int
  /// Fields that say where in the record their value lies.
  private let places: [RecordLayout.Slot]

  init(from own: RecordLayout, to wide: RecordLayout, added: Int) {
    self.own = own
    self.wide = wide
    self.added = added
    shift = wide.slots[added].offset - own.slots[0].offset
    places = own.slots.filter { [.text, .u32List, .u64List, .value].contains($0.type) }
  }

  /// Changes a record that lies `shift` bytes behind where it is to begin.
  func apply(to record: UnsafeMutableRawBufferPointer) {
    for index in 0..<RecordLayout.headerSize { record[index] = record[shift + index] }
    for slot in places where shift + slot.end <= record.count && isPresent(slot, in: record) {
      let place = shift + slot.offset
      // SAFETY: the slot's four bytes are inside, as just compared.
      let offset = record.loadUnaligned(fromByteOffset: place, as: UInt16.self)
      record.storeBytes(of: offset &+ UInt16(shift), toByteOffset: place, as: UInt16.self)
    }
    let masks =
      moved(record, from: shift + RecordLayout.headerSize)
      + moved(record, from: shift + own.partialOffset)
    for index in RecordLayout.headerSize..<wide.slots[added].offset { record[index] = 0 }
    for (index, mask) in masks.enumerated() {
      // SAFETY: the wide record begins with its masks.
      record.storeBytes(
        of: mask, toByteOffset: RecordLayout.headerSize + 8 * index, as: UInt64.self)
    }
  }

  private func isPresent(
    _ slot: RecordLayout.Slot, in record: UnsafeMutableRawBufferPointer
  ) -> Bool {
    record[shift + RecordLayout.headerSize + slot.bit / 8] >> UInt8(slot.bit % 8) & 1 == 1
  }

  /// A mask of the record that begins at `place`, with its bits where the wide layout has them.
  private func moved(_ record: UnsafeMutableRawBufferPointer, from place: Int) -> [UInt64] {
    var mask = [UInt64](repeating: 0, count: wide.words)
    for word in 0..<own.words {
      // SAFETY: the record has its own masks there.
      let bits = record.loadUnaligned(fromByteOffset: place + 8 * word, as: UInt64.self)
      let first = 64 * word + added
      mask[first / 64] |= bits << UInt64(first % 64)
      let rest = first % 64 == 0 ? 0 : bits >> UInt64(64 - first % 64)
      if rest != 0 { mask[first / 64 + 1] |= rest }
    }
    return mask
  }
}
