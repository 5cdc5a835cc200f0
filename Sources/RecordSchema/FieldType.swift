/// How a field is stored in a record: its C type.
@frozen public enum FieldType: String, Sendable, Codable, BitwiseCopyable {
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
  /// A value with its own type, as a query's result has: in the record's tail, stored as `text` is,
  /// a byte of `ValueTag` and then a number or a text. No program writes it.
  case value

  /// Bytes in the fixed part of a record.
  @inlinable public var size: Int {
    switch self {
    case .u8, .s8, .bool: 1
    case .u16, .s16: 2
    case .u32, .s32, .text, .u32List, .u64List, .value: 4
    case .u64, .s64: 8
    case .ip: 20
    }
  }

  /// Natural alignment in bytes, as the C compiler has it.
  public var alignment: Int {
    switch self {
    case .u8, .s8, .bool, .ip: 1
    case .u16, .s16, .text, .u32List, .u64List, .value: 2
    case .u32, .s32: 4
    case .u64, .s64: 8
    }
  }
}

extension FieldType: CaseIterable {
  /// The types that a schema file may name.
  public static let allCases: [FieldType] = [
    .u8, .u16, .u32, .u64, .s8, .s16, .s32, .s64, .bool, .text, .u32List, .u64List, .ip,
  ]
}

/// The first byte of a `FieldType.value`.
@frozen public enum ValueTag: UInt8, Sendable, BitwiseCopyable {
  /// Eight bytes: a signed number.
  case integer = 1
  /// Eight bytes: a floating-point number.
  case real
  /// The rest is a text.
  case text
}
