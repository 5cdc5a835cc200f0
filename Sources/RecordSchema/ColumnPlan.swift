/// A column as plain data: what is needed of it for each record, and nothing that counts references.
@frozen public struct ColumnPlan: Sendable {
  /// How the value is shown.
  public let kind: Kind
  /// How a stored value is stored; nil for a derived one.
  public let type: FieldType?
  /// How a derived value is made; nil for a stored one.
  @usableFromInline let derivation: Derivation?
  /// Its place, or that of the first field that it is derived from.
  @usableFromInline let slot: RecordLayout.Slot
  /// Which of the evaluator's slots it is derived from.
  @usableFromInline let inputs: Range<Int>
  /// Which of the evaluator's names are those of its values.
  @usableFromInline let names: Range<Int>
  /// The bits of a flag set that hold a number.
  @usableFromInline let numberMask: UInt64
}

/// The name of a value, as a part of the evaluator's bytes.
@frozen public struct ValueName: Sendable, BitwiseCopyable {
  @usableFromInline let value: UInt64
  @usableFromInline let start: Int
  @usableFromInline let end: Int
  @usableFromInline let verdict: Schema.Verdict?
}

/// The slots that a derivation reads, in its order.
struct DerivationInputs {
  let record: RawRecord
  let slots: UnsafeBufferPointer<RecordLayout.Slot>

  subscript(index: Int) -> FieldValue { record.value(slots[index]) }
}
