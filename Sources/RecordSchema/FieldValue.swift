/// A field's value as it lies in a record, before its kind gives it a shape.
///
/// Plain data: making one allocates nothing. The bytes stay valid only as long as the record (or,
/// of a derived value, until the next one is derived).
@frozen public enum FieldValue: BitwiseCopyable {
  /// Does not apply, was not asked for, or this kernel lacks it.
  case absent
  /// It exists but could not be read.
  case unreadable
  case unsigned(UInt64)
  case signed(Int64)
  /// A query's result; no field of a table has one.
  case real(Double)
  /// Text, an address, or the numbers of a list; the field's type and kind say which.
  case bytes(UnsafeRawBufferPointer)

  /// The number, if it is one; a negative number is none.
  @inlinable public var number: UInt64? {
    switch self {
    case .unsigned(let value): value
    case .signed(let value): UInt64(exactly: value)
    default: nil
    }
  }

  /// A derived value has a reason for its absence: that of the input that is not there.
  @inlinable static func missing(_ inputs: FieldValue...) -> FieldValue {
    for case .unreadable in inputs { return .unreadable }
    return .absent
  }
}
