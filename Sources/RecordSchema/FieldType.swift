/// How a field is stored in a record: its C type.
@frozen public enum FieldType: String, Sendable, Codable, BitwiseCopyable, CaseIterable {
  case u8, u16, u32, u64, s8, s16, s32, s64
  /// One byte, 0 or 1.
  case bool
  /// Bytes in the record's tail: `{ u16 offset, u16 length }`.
  case text
  /// Numbers in the record's tail, stored as `text` is; length counts bytes.
  case u32List = "u32[]"
  /// Numbers in the record's tail, stored as `text` is; length counts bytes.
  case u64List = "u64[]"
  /// An address: one byte 4 or 6, three of padding, then 16 bytes in network order.
  case ip

  /// Bytes in the fixed part of a record.
  @inlinable public var size: Int {
    switch self {
    case .u8, .s8, .bool: 1
    case .u16, .s16: 2
    case .u32, .s32, .text, .u32List, .u64List: 4
    case .u64, .s64: 8
    case .ip: 20
    }
  }

  /// Natural alignment in bytes, as the C compiler has it.
  public var alignment: Int {
    switch self {
    case .u8, .s8, .bool, .ip: 1
    case .u16, .s16, .text, .u32List, .u64List: 2
    case .u32, .s32: 4
    case .u64, .s64: 8
    }
  }
}
