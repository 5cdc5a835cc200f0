public import RecordSchema

extension ByteBuffer {
  /// Appends a value as a program would compare it: names, addresses and lists as CSV has them,
  /// arguments with spaces between them, texts as they are.
  ///
  /// - Returns: false if the value is no text but a number, which is not appended.
  public mutating func append(
    plain value: FieldValue, _ plan: ColumnPlan, _ evaluator: borrowing RecordEvaluator
  ) -> Bool {
    switch (value, plan.kind) {
    case (.unsigned(let number), .enumeration): append(enumeration: number, plan, evaluator)
    case (.unsigned(let number), .flags): append(flags: number, plan, evaluator, quote: "")
    case (.unsigned(let number), .timestamp): append(number: number, kind: .timestamp)
    case (.bytes(let bytes), .ip): append(address: bytes)
    case (.bytes(let bytes), .list): append(list: bytes, type: plan.type)
    case (.bytes(let bytes), .hex): append(hex: bytes)
    case (.bytes(let bytes), .arguments): append(arguments: bytes)
    case (.bytes(let bytes), _): append(bytes)
    default: return false
    }
    return true
  }

  private mutating func append(arguments bytes: UnsafeRawBufferPointer) {
    let end = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
    for byte in bytes[..<end] { append(byte == 0 ? UInt8(ascii: " ") : byte) }
  }
}
