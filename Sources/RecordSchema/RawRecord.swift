/// A view of one record's bytes: size checked, nothing decoded.
///
/// Valid only while the bytes are; cursors hand it to a closure and no further.
@frozen public struct RawRecord: BitwiseCopyable {
  @usableFromInline let bytes: UnsafeRawBufferPointer
  @usableFromInline let partialOffset: Int

  /// Checks nothing: `bytes` must hold header and both masks, which a `RecordStream` has seen to.
  @inlinable public init(bytes: UnsafeRawBufferPointer, partialOffset: Int) {
    self.bytes = bytes
    self.partialOffset = partialOffset
  }

  /// Bytes of the record, tail included.
  @inlinable public var size: Int { bytes.count }

  /// Index of the program in the schema that wrote it.
  @inlinable public var program: Int { Int(load(2, as: UInt16.self)) }

  /// Was the field's value cut?
  @inlinable public func isCut(_ slot: RecordLayout.Slot) -> Bool {
    bit(slot.bit, at: RecordLayout.headerSize) && bit(slot.bit, at: partialOffset)
  }

  /// The value of a stored field. Whatever the bytes are, nothing outside them is read.
  @inlinable public func value(_ slot: RecordLayout.Slot) -> FieldValue {
    guard bit(slot.bit, at: RecordLayout.headerSize) else {
      return bit(slot.bit, at: partialOffset) ? .unreadable : .absent
    }
    let offset = slot.offset
    guard slot.end <= bytes.count else { return .unreadable }
    switch slot.type {
    case .u8, .bool: return .unsigned(UInt64(load(offset, as: UInt8.self)))
    case .u16: return .unsigned(UInt64(load(offset, as: UInt16.self)))
    case .u32: return .unsigned(UInt64(load(offset, as: UInt32.self)))
    case .u64: return .unsigned(load(offset, as: UInt64.self))
    case .s8: return .signed(Int64(load(offset, as: Int8.self)))
    case .s16: return .signed(Int64(load(offset, as: Int16.self)))
    case .s32: return .signed(Int64(load(offset, as: Int32.self)))
    case .s64: return .signed(load(offset, as: Int64.self))
    case .ip: return .bytes(slice(offset, FieldType.ip.size))
    case .text, .u32List, .u64List:
      let start = Int(load(offset, as: UInt16.self))
      let length = Int(load(offset + 2, as: UInt16.self))
      guard start + length <= bytes.count else { return .unreadable }
      return .bytes(slice(start, length))
    case .value:
      let start = Int(load(offset, as: UInt16.self))
      let length = Int(load(offset + 2, as: UInt16.self))
      guard length > 0, start + length <= bytes.count else { return .unreadable }
      return taggedValue(slice(start, length))
    }
  }

  @usableFromInline func taggedValue(_ bytes: UnsafeRawBufferPointer) -> FieldValue {
    let content = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    switch ValueTag(rawValue: bytes[0]) {
    // SAFETY: eight bytes are there, as just checked.
    case .integer? where content.count == 8: return .signed(content.loadUnaligned(as: Int64.self))
    // SAFETY: as above.
    case .real? where content.count == 8: return .real(content.loadUnaligned(as: Double.self))
    case .text?: return .bytes(content)
    default: return .unreadable
    }
  }

  @inlinable func bit(_ bit: Int, at mask: Int) -> Bool {
    load(mask + (bit >> 6) * 8, as: UInt64.self) >> UInt64(bit & 63) & 1 == 1
  }

  @inlinable func slice(_ offset: Int, _ count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  @inlinable func load<T: BitwiseCopyable>(_ offset: Int, as type: T.Type) -> T {
    // SAFETY: every caller has checked offset + size <= bytes.count; masks are checked once, by
    // the cursor. A record need not be aligned.
    bytes.loadUnaligned(fromByteOffset: offset, as: type)
  }
}

extension RawRecord {
  /// Appends the record's bytes.
  public func copyBytes(to array: inout [UInt8]) { array.append(contentsOf: bytes) }

  /// Copies the record's bytes to the start of a buffer that has room for them.
  public func copyBytes(to buffer: UnsafeMutableRawBufferPointer) { buffer.copyBytes(from: bytes) }
}
