/// "00" to "99": two digits a step halves the divisions.
private let digitPairs: StaticString = """
  0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474\
  8495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596\
  979899
  """

/// Powers of ten: the smallest numbers of two digits, three digits and so on; the first is no such.
private let powersOfTen: InlineArray<20, UInt64> = [
  0, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
  10_000_000_000, 100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000,
  1_000_000_000_000_000, 10_000_000_000_000_000, 100_000_000_000_000_000,
  1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
]

/// Digits of a number in decimal; 1233 / 4096 is the logarithm of 2 to the base 10.
@inline(__always)
private func digitCount(_ value: UInt64) -> Int {
  let least = ((64 &- (value | 1).leadingZeroBitCount) &* 1233) >> 12
  return value >= powersOfTen[least] ? least + 1 : least
}

extension ByteBuffer {
  /// Appends a number in decimal.
  @inline(__always)
  mutating func append(decimal value: UInt64) {
    reserve(20)
    if value < 10 { return put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value)) }
    let count = digitCount(value)
    let digits = skip(count)
    let pairs = digitPairs.utf8Start
    var rest = value
    var at = count
    while rest >= 10 {
      let pair = Int(truncatingIfNeeded: rest % 100) * 2
      rest /= 100
      at -= 2
      // SAFETY: `count` digits have room, and pair is at most 198 of 200.
      digits[at] = pairs[pair]
      digits[at + 1] = pairs[pair + 1]
    }
    if at > 0 { digits[0] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest) }
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

  /// Appends a number in hexadecimal without a prefix, at least `digits` digits long, at most 16.
  mutating func append(bareHexadecimal value: UInt64, digits: Int = 1) {
    let needed = max(digits, (64 - value.leadingZeroBitCount + 3) / 4)
    reserve(16)
    let alphabet: StaticString = "0123456789abcdef"
    var rest = value
    let text = skip(needed)
    for index in stride(from: needed - 1, through: 0, by: -1) {
      // SAFETY: a digit is below 16.
      text[index] = alphabet.utf8Start[Int(truncatingIfNeeded: rest & 15)]
      rest >>= 4
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
