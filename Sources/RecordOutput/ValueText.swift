import RecordSchema

/// A value's plain text: what CSV has, what JSON puts between quotes, and what `--raw` shows.
extension ByteBuffer {
  /// Is a value of this kind a number in JSON?
  @inline(__always)
  static func isNumber(_ kind: Kind) -> Bool {
    switch kind {
    case .count, .integer, .id, .pid, .uid, .gid, .bytes, .offset, .nanoseconds, .microseconds,
      .milliseconds, .seconds, .bootTime, .percent, .inode, .port:
      true
    default: false
    }
  }

  /// Appends a number of any kind but `flags`, `enum` and `list`.
  @inline(__always)
  mutating func append(number: UInt64, kind: Kind) {
    switch kind {
    case .address: append(hexadecimal: number, digits: 16)
    case .mask, .cookie: append(hexadecimal: number)
    case .device: append(device: number)
    case .mode: append(octal: number)
    case .percent: append(tenths: number)
    case .timestamp: append(timestamp: number)
    case .boolean: append(number == 0 ? "false" : "true")
    default: append(decimal: number)
    }
  }

  /// Appends a number that a query made: a signed one has the shape of its kind where that has one.
  @inline(__always)
  mutating func append(number: Int64, kind: Kind) {
    if Self.isNumber(kind) {
      append(decimal: number)
    } else {
      append(number: UInt64(bitPattern: number), kind: kind)
    }
  }

  /// Appends a floating-point number in the fewest digits that give it back.
  mutating func append(real: Double) {
    if real.isFinite { append(string: "\(real)") } else { append("null") }
  }

  /// Appends major:minor of a kernel dev_t (MINORBITS is 20).
  private mutating func append(device: UInt64) {
    append(decimal: device >> 20)
    append(UInt8(ascii: ":"))
    append(decimal: device & 0xfffff)
  }

  private mutating func append(timestamp: UInt64) {
    reserve(Timestamp.length)
    Timestamp(nanoseconds: timestamp).write { put($0) }
  }

  /// Appends an address as RFC 5952 writes it.
  mutating func append(address: UnsafeRawBufferPointer) {
    reserve(IPAddress.maximumLength)
    IPAddress(address)?.write { put($0) }
  }

  /// Appends the name of an enum's value; "unknown:7" for one that has none.
  mutating func append(
    enumeration number: UInt64, _ plan: ColumnPlan, _ evaluator: borrowing RecordEvaluator
  ) {
    if evaluator.withName(of: number, plan, { append($0) }) { return }
    append("unknown:")
    append(decimal: number)
  }

  /// Appends each set flag's name between `quote`s, with commas between them; bits without a name
  /// are one hexadecimal number at the end.
  mutating func append(
    flags number: UInt64, _ plan: ColumnPlan, _ evaluator: borrowing RecordEvaluator,
    quote: StaticString
  ) {
    let start = count
    let rest = evaluator.forEachName(of: number, plan) { name in
      if count > start { append(UInt8(ascii: ",")) }
      append(quote)
      append(name)
      append(quote)
    }
    guard rest != 0 else { return }
    if count > start { append(UInt8(ascii: ",")) }
    append(quote)
    append(hexadecimal: rest)
    append(quote)
  }

  /// Appends two digits for each byte.
  mutating func append(hex bytes: UnsafeRawBufferPointer) {
    for byte in bytes { append(bareHexadecimal: UInt64(byte), digits: 2) }
  }

  /// Appends a list's numbers with commas between them.
  mutating func append(list bytes: UnsafeRawBufferPointer, type: FieldType?) {
    let size = type == .u64List ? 8 : 4
    for offset in stride(from: 0, to: bytes.count - bytes.count % size, by: size) {
      if offset > 0 { append(UInt8(ascii: ",")) }
      // SAFETY: `size` bytes are left at each offset.
      append(
        decimal: size == 8
          ? bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
          : UInt64(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
  }
}
