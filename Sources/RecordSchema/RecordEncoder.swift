/// Writes records, as programs do: for rows that no program wrote.
public struct RecordEncoder {
  private let layout: RecordLayout
  private var bytes: [UInt8]

  /// The size of a record is 16 bits; texts that go beyond this are cut and marked.
  private static var tailMax: Int { 0xf000 }

  /// Begins a record without values.
  public init(_ layout: RecordLayout) {
    self.layout = layout
    bytes = Array(repeating: 0, count: layout.fixedSize)
  }

  /// Stores a field's value; of another type than the field's, as one that could not be read.
  public mutating func put(_ slot: RecordLayout.Slot, _ value: FieldValue, isCut: Bool = false) {
    switch (value, slot.type) {
    case (.absent, _): break
    case (.bytes(let content), .ip) where content.count == slot.type.size:
      store(content, at: slot.offset)
      mark(slot, isCut: isCut)
    case (.bytes(let content), .text), (.bytes(let content), .u32List),
      (.bytes(let content), .u64List):
      putTail(slot, content, isCut: isCut)
    case (.unsigned(let number), let type) where type.isNumber: put(slot, number, isCut)
    case (.signed(let number), let type) where type.isNumber:
      put(slot, UInt64(bitPattern: number), isCut)
    default: markUnreadable(slot)
    }
  }

  /// Stores a value with its own type.
  public mutating func put(
    _ slot: RecordLayout.Slot, _ tag: ValueTag, _ content: UnsafeRawBufferPointer
  ) {
    putTail(slot, content, tag: tag, isCut: false)
  }

  /// The finished record.
  public consuming func finish() -> [UInt8] {
    store(UInt16(bytes.count), at: 0)
    return bytes
  }

  private mutating func put(_ slot: RecordLayout.Slot, _ number: UInt64, _ isCut: Bool) {
    withUnsafeBytes(of: number.littleEndian) {
      store(UnsafeRawBufferPointer(rebasing: $0[..<slot.type.size]), at: slot.offset)
    }
    mark(slot, isCut: isCut)
  }

  private mutating func putTail(
    _ slot: RecordLayout.Slot, _ content: UnsafeRawBufferPointer, tag: ValueTag? = nil, isCut: Bool
  ) {
    let start = bytes.count
    let kept = content.prefix(max(0, Self.tailMax - start))
    if let tag { bytes.append(tag.rawValue) }
    bytes += kept
    store(UInt16(start), at: slot.offset)
    store(UInt16(bytes.count - start), at: slot.offset + 2)
    mark(slot, isCut: isCut || kept.count < content.count)
  }

  private mutating func markUnreadable(_ slot: RecordLayout.Slot) {
    setBit(slot.bit, at: layout.partialOffset)
  }

  private mutating func mark(_ slot: RecordLayout.Slot, isCut: Bool) {
    setBit(slot.bit, at: RecordLayout.headerSize)
    if isCut { setBit(slot.bit, at: layout.partialOffset) }
  }

  private mutating func setBit(_ bit: Int, at mask: Int) {
    bytes[mask + bit / 8] |= 1 << UInt8(bit % 8)
  }

  private mutating func store(_ number: UInt16, at offset: Int) {
    withUnsafeBytes(of: number.littleEndian) { store($0, at: offset) }
  }

  private mutating func store(_ content: UnsafeRawBufferPointer, at offset: Int) {
    for (index, byte) in content.enumerated() { bytes[offset + index] = byte }
  }
}

extension FieldType {
  /// Is a value of it a number in the fixed part?
  fileprivate var isNumber: Bool {
    switch self {
    case .u8, .u16, .u32, .u64, .s8, .s16, .s32, .s64, .bool: true
    case .text, .u32List, .u64List, .ip, .value: false
    }
  }
}
