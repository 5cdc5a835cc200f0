/// "00" to "99": two digits a step halves the divisions.
private let digitPairs: StaticString = """
  0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474\
  8495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596\
  979899
  """

extension ByteBuffer {
  /// Appends a number in decimal.
  @inline(__always)
  mutating func append(decimal value: UInt64) {
    reserve(20)
    if value < 10 { return put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value)) }
    withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
      var rest = value
      var at = 20
      let pairs = digitPairs.utf8Start
      while rest >= 100 {
        let pair = Int(truncatingIfNeeded: rest % 100) * 2
        rest /= 100
        at -= 2
        // SAFETY: a 64-bit number has at most 20 digits; pair is at most 198 of 200.
        digits[at] = pairs[pair]
        digits[at + 1] = pairs[pair + 1]
      }
      if rest >= 10 {
        at -= 1
        digits[at] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      }
      if rest > 0 {
        at -= 1
        digits[at] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest)
      }
      append(UnsafeRawBufferPointer(rebasing: digits[at...]))
    }
  }

  /// Appends a signed number in decimal.
  mutating func append(decimal value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    append(decimal: value.magnitude)
  }

  /// Appends 0x and a number in hexadecimal, at least `digits` digits long.
  mutating func append(hexadecimal value: UInt64, digits: Int = 1) {
    append("0x")
    append(bareHexadecimal: value, digits: digits)
  }

  /// Appends a number in hexadecimal without a prefix, at least `digits` digits long.
  mutating func append(bareHexadecimal value: UInt64, digits: Int = 1) {
    let needed = max(digits, (64 - value.leadingZeroBitCount + 3) / 4, 1)
    reserve(needed)
    for index in stride(from: needed - 1, through: 0, by: -1) {
      let digit = index < 16 ? UInt8(truncatingIfNeeded: value >> UInt64(4 * index) & 15) : 0
      put(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit)
    }
  }

  /// Appends a number in octal, padded with zeros to seven digits, as stat(1) shows modes.
  mutating func append(octal value: UInt64) {
    var shift: UInt64 = 18
    while shift < 63, value >> (shift + 3) != 0 { shift += 3 }
    while true {
      append(UInt8(ascii: "0") + UInt8(value >> shift & 7))
      if shift == 0 { return }
      shift -= 3
    }
  }

  /// Appends tenths as a number with one decimal.
  mutating func append(tenths value: UInt64) {
    append(decimal: value / 10)
    append(UInt8(ascii: "."))
    append(UInt8(ascii: "0") + UInt8(value % 10))
  }
}
