/// Length of the UTF-8 character that begins at `at`; 0 if the bytes there are not valid UTF-8.
func characterLength(_ text: UnsafeRawBufferPointer, _ at: Int) -> Int {
  let first = text[at]
  let length =
    switch first {
    case 0..<0x80: 1
    case 0xc2...0xdf: 2
    case 0xe0...0xef: 3
    case 0xf0...0xf4: 4
    default: 0
    }
  guard length > 0, at + length <= text.count else { return 0 }
  for offset in 1..<max(length, 1) where text[at + offset] & 0xc0 != 0x80 { return 0 }
  guard length > 2 else { return length }
  // Overlong forms, surrogates, and what lies beyond U+10FFFF (RFC 3629).
  let second = text[at + 1]
  switch first {
  case 0xe0 where second < 0xa0, 0xed where second > 0x9f, 0xf0 where second < 0x90,
    0xf4 where second > 0x8f:
    return 0
  default: return length
  }
}

/// Columns that a valid character of two bytes or more takes on a terminal; nil for one that must
/// not reach it: controls, and marks that change the direction of what follows.
func displayWidth(_ text: UnsafeRawBufferPointer, _ at: Int, _ length: Int) -> Int? {
  var code = UInt32(text[at]) & (0x7f >> UInt32(length))
  for offset in 1..<length { code = code << 6 | UInt32(text[at + offset] & 0x3f) }
  switch code {
  case 0x80..<0xa0, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff, 0xfff9...0xfffb:
    return nil
  case 0x300...0x36f, 0x483...0x489, 0x591...0x5bd, 0x610...0x61a, 0x64b...0x65f,
    0x1ab0...0x1aff, 0x1dc0...0x1dff, 0x20d0...0x20ff, 0xfe00...0xfe0f, 0xfe20...0xfe2f:
    return 0
  case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x4dbf, 0x4e00...0xa4cf, 0xa960...0xa97c,
    0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6,
    0x1f300...0x1f64f, 0x1f900...0x1f9ff, 0x20000...0x3fffd:
    return 2
  default: return 1
  }
}
