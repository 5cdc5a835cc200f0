import RecordSchema

extension ByteBuffer {
  /// Appends a value for people: `-` what does not apply, `?` what could not be read.
  ///
  /// - Returns: its width on the screen.
  mutating func append(
    cell value: FieldValue, _ plan: ColumnPlan, _ evaluator: borrowing RecordEvaluator, isRaw: Bool
  ) -> Int {
    let start = count
    switch value {
    case .absent: append("-")
    case .unreadable: append("?")
    case .signed(let number):
      if plan.type == .value && number >= 0 {
        append(cell: UInt64(number), plan, evaluator, isRaw: isRaw)
      } else {
        append(number: number, kind: plan.kind)
      }
    case .real(let number):
      if number >= 0 && number < 0x1p63 && !isRaw && [.bytes, .nanoseconds].contains(plan.kind) {
        append(cell: UInt64(number.rounded()), plan, evaluator, isRaw: false)
      } else {
        append(real: number)
      }
    case .unsigned(let number): append(cell: number, plan, evaluator, isRaw: isRaw)
    case .bytes(let bytes):
      switch plan.kind {
      case .ip: append(address: bytes)
      case .list: append(list: bytes, type: plan.type)
      case .hex: append(hex: bytes)
      case let kind: return append(terminal: bytes, isArguments: kind == .arguments)
      }
    }
    return count - start
  }

  private mutating func append(
    cell number: UInt64, _ plan: ColumnPlan, _ evaluator: borrowing RecordEvaluator, isRaw: Bool
  ) {
    switch plan.kind {
    case .enumeration: append(enumeration: number, plan, evaluator)
    case .flags:
      let start = count
      append(flags: number, plan, evaluator, quote: "")
      if count == start { append("none") }
    case .bytes where !isRaw: append(size: number)
    case .nanoseconds where !isRaw: append(duration: number)
    case .bootTime where !isRaw: append(duration: number)
    case .seconds where !isRaw: append(clock: number)
    case .boolean: append(number == 0 ? "no" : "yes")
    case let kind: append(number: number, kind: kind)
    }
  }

  /// Appends an amount of memory with one decimal and a binary unit: 512, 1.5K, 23M.
  private mutating func append(size: UInt64) {
    guard size >= 1024 else { return append(decimal: size) }
    var unit = 0
    // In tenths, rounded to the nearest: 1023.96K becomes 1.0M.
    var tenths = UInt64((Double(size) / 1024 * 10).rounded())
    while tenths >= 10_240, unit < 5 {
      tenths = UInt64((Double(tenths) / 1024).rounded())
      unit += 1
    }
    if tenths < 100 { append(tenths: tenths) } else { append(decimal: (tenths + 5) / 10) }
    let units: StaticString = "KMGTPE"
    append(units.utf8Start[unit])
  }

  /// Appends a time span in its best unit: 350ns, 12.5us, 3.2ms, 1.7s, then as a clock.
  private mutating func append(duration nanoseconds: UInt64) {
    switch nanoseconds {
    case 0..<1000:
      append(decimal: nanoseconds)
      append("ns")
    case 1000..<1_000_000:
      append(tenths: nanoseconds / 100)
      append("us")
    case 1_000_000..<1_000_000_000:
      append(tenths: nanoseconds / 100_000)
      append("ms")
    case 1_000_000_000..<60_000_000_000:
      append(tenths: nanoseconds / 100_000_000)
      append("s")
    default: append(clock: nanoseconds / 1_000_000_000)
    }
  }

  /// Appends seconds as ps shows them: 04:05, 03:04:05, 2-03:04:05.
  private mutating func append(clock seconds: UInt64) {
    if seconds >= 86_400 {
      append(decimal: seconds / 86_400)
      append("-")
    }
    if seconds >= 3600 {
      append(twoDigits: seconds / 3600 % 24)
      append(":")
    }
    append(twoDigits: seconds / 60 % 60)
    append(":")
    append(twoDigits: seconds % 60)
  }

  private mutating func append(twoDigits number: UInt64) {
    append(UInt8(ascii: "0") + UInt8(number / 10))
    append(UInt8(ascii: "0") + UInt8(number % 10))
  }

  /// Appends text that is wider than `width` columns, cut there, with … in the last.
  mutating func append(_ text: UnsafeRawBufferPointer, cutTo width: Int) {
    var at = 0
    var used = 0
    while at < text.count {
      let length = max(characterLength(text, at), 1)
      let columns = length > 1 ? displayWidth(text, at, length) ?? 1 : 1
      if used + columns > width - 1 { break }
      used += columns
      at += length
    }
    append(UnsafeRawBufferPointer(rebasing: text[..<at]))
    append("…")
    append(spaces: width - 1 - used)
  }
}
