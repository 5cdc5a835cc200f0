/// Texts of the kernel are bytes: a process or a file may have any name. Each form of output has
/// its own way to show every byte without harm.
///
/// JSON and CSV are UTF-8 throughout. A byte that is not part of valid UTF-8 becomes the character
/// U+EF00 + byte (U+EF80…U+EFFF, the private range registered for that purpose); a real character
/// of that range is taken byte by byte too, so that nothing is lost: replacing each such character
/// by its low byte gives the kernel's bytes back.
///
/// A table escapes control characters and invalid bytes as C does (\n, \x1b, \xff), so that no name
/// can speak to the terminal.
extension ByteBuffer {
  /// Appends a JSON string with its quotes.
  @inline(__always)
  mutating func append(json text: UnsafeRawBufferPointer, isArguments: Bool = false) {
    let text = isArguments ? withoutLastNul(text) : text
    reserve(text.count + 10)
    put(UInt8(ascii: "\""))
    let plain = putPlainPrefix(text, .json, isArguments)
    if plain < text.count {
      append(escapingJSON: UnsafeRawBufferPointer(rebasing: text[plain...]), isArguments)
    }
    append(UInt8(ascii: "\""))
  }

  /// Appends a JSON string with its quotes: for what is not on the way of every record.
  public mutating func append(json text: String) {
    var text = text
    text.withUTF8 { append(json: UnsafeRawBufferPointer($0)) }
  }

  /// Appends the beginning of a text that needs no escape, eight bytes at a time. Room for the whole
  /// text and eight bytes more must have been reserved.
  ///
  /// - Returns: how many bytes that are.
  @inline(__always)
  private mutating func putPlainPrefix(
    _ text: UnsafeRawBufferPointer, _ form: PlainText, _ isArguments: Bool
  ) -> Int {
    var at = 0
    while at + 8 <= text.count {
      // SAFETY: 8 bytes are left.
      var word = UInt64(littleEndian: text.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      if isArguments { word = PlainText.replacingNuls(word) }
      let plain = form.plainBytes(word)
      put(word: word, used: plain)
      at += plain
      if plain < 8 { return at }
    }
    let left = text.count - at
    // Bytes behind the text are spaces, which are plain.
    var word = (PlainText.ones &* 0x20) << UInt64(8 * left)
    for index in 0..<left {
      // SAFETY: `left` bytes are left.
      let byte = text.load(fromByteOffset: at + index, as: UInt8.self)
      word |= UInt64(byte) << UInt64(8 * index)
    }
    if isArguments { word = PlainText.replacingNuls(word) }
    let plain = min(left, form.plainBytes(word))
    put(word: word, used: plain)
    return at + plain
  }

  @inline(never)
  private mutating func append(escapingJSON text: UnsafeRawBufferPointer, _ isArguments: Bool) {
    reserve(text.count * 6 + 1)
    var at = 0
    while at < text.count {
      let byte = text[at]
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        put(UInt8(ascii: "\\"))
        put(byte)
      case UInt8(ascii: "\n"): append("\\n")
      case UInt8(ascii: "\t"): append("\\t")
      case 0 where isArguments: put(UInt8(ascii: " "))
      case 0..<0x20, 0x7f:
        append("\\u00")
        append(bareHexadecimal: UInt64(byte), digits: 2)
      case 0x20..<0x7f: put(byte)
      default:
        at += appendCharacter(text, at)
        continue
      }
      at += 1
    }
  }

  /// Appends the character that begins at `at`, or one byte that is no part of any.
  ///
  /// - Returns: how many bytes it took.
  private mutating func appendCharacter(_ text: UnsafeRawBufferPointer, _ at: Int) -> Int {
    let length = characterLength(text, at)
    let isOurs = length == 3 && text[at] == 0xee && text[at + 1] >= 0xbe
    guard length > 0, !isOurs else {
      append(rawByte: text[at])
      return 1
    }
    for offset in 0..<length { append(text[at + offset]) }
    return length
  }

  /// Appends U+EF00 + byte in UTF-8.
  private mutating func append(rawByte byte: UInt8) {
    append(0xee)
    append(0xbc + (byte >> 6))
    append(0x80 + (byte & 0x3f))
  }

  /// Appends text for a CSV field: UTF-8, in quotes where RFC 4180 wants them.
  mutating func append(csv text: UnsafeRawBufferPointer, isArguments: Bool = false) {
    let text = isArguments ? withoutLastNul(text) : text
    reserve(text.count + 8)
    let start = count
    if putPlainPrefix(text, .csv, isArguments) == text.count { return }
    truncate(to: start)
    append(quotingCSV: text, isArguments)
  }

  /// Appends a CSV field: for what is not on the way of every record.
  mutating func append(csv text: String) {
    var text = text
    text.withUTF8 { append(csv: UnsafeRawBufferPointer($0)) }
  }

  @inline(never)
  private mutating func append(quotingCSV text: UnsafeRawBufferPointer, _ isArguments: Bool) {
    let needsQuotes = text.contains {
      $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\n") || $0 == 13
    }
    if needsQuotes { append(UInt8(ascii: "\"")) }
    var at = 0
    while at < text.count {
      let byte = text[at]
      if byte >= 0x80 {
        at += appendCharacter(text, at)
        continue
      }
      if byte == UInt8(ascii: "\"") { append(byte) }
      append(byte == 0 && isArguments ? UInt8(ascii: " ") : byte)
      at += 1
    }
    if needsQuotes { append(UInt8(ascii: "\"")) }
  }

  /// Appends text for a terminal.
  ///
  /// - Returns: how many columns it takes.
  mutating func append(terminal text: UnsafeRawBufferPointer, isArguments: Bool = false) -> Int {
    let text = isArguments ? withoutLastNul(text) : text
    reserve(text.count + 8)
    let plain = putPlainPrefix(text, .terminal, isArguments)
    if plain == text.count { return plain }
    return plain
      + append(escaping: UnsafeRawBufferPointer(rebasing: text[plain...]), isArguments)
  }

  @inline(never)
  private mutating func append(escaping text: UnsafeRawBufferPointer, _ isArguments: Bool) -> Int {
    var width = 0
    var at = 0
    while at < text.count {
      let byte = text[at]
      if byte >= 0x20 && byte < 0x7f {
        append(byte)
        width += 1
        at += 1
        continue
      }
      if byte == 0 && isArguments {
        append(UInt8(ascii: " "))
        width += 1
        at += 1
        continue
      }
      let length = characterLength(text, at)
      if length > 1, let columns = displayWidth(text, at, length) {
        for offset in 0..<length { append(text[at + offset]) }
        width += columns
        at += length
        continue
      }
      width += append(escaped: byte)
      at += 1
    }
    return width
  }

  private mutating func append(escaped byte: UInt8) -> Int {
    append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\n"): append(UInt8(ascii: "n"))
    case UInt8(ascii: "\t"): append(UInt8(ascii: "t"))
    case 13: append(UInt8(ascii: "r"))
    default:
      append(UInt8(ascii: "x"))
      append(bareHexadecimal: UInt64(byte), digits: 2)
      return 4
    }
    return 2
  }
}

/// Arguments end with a NUL each: the last one separates nothing. Further ones are empty arguments.
private func withoutLastNul(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
  text.last == 0 ? UnsafeRawBufferPointer(rebasing: text.dropLast()) : text
}

/// Which bytes stand for themselves in a form of output: printable ASCII but for two.
private struct PlainText {
  static var json: PlainText { PlainText(UInt8(ascii: "\""), UInt8(ascii: "\\")) }
  static var csv: PlainText { PlainText(UInt8(ascii: "\""), UInt8(ascii: ",")) }
  static var terminal: PlainText { PlainText(0x7f, 0x7f) }

  static var ones: UInt64 { 0x0101_0101_0101_0101 }
  private let one: UInt64
  private let other: UInt64

  @inline(__always)
  private init(_ one: UInt8, _ other: UInt8) {
    self.one = Self.ones &* UInt64(one)
    self.other = Self.ones &* UInt64(other)
  }

  /// How many bytes of a word, from the lowest up, stand for themselves.
  ///
  /// A sum or difference that leaves its byte makes a false alarm only above a true one.
  @inline(__always)
  func plainBytes(_ word: UInt64) -> Int {
    let ones = Self.ones
    let control = word &- (ones &* 0x20)
    let delete = word &+ ones
    let special = control | delete | word | ((word ^ one) &- ones) | ((word ^ other) &- ones)
    return (special & (ones &* 0x80)).trailingZeroBitCount / 8
  }

  /// Makes spaces of the bytes that are 0, exactly.
  @inline(__always)
  static func replacingNuls(_ word: UInt64) -> UInt64 {
    let low = ones &* 0x7f
    return word | (~(((word & low) &+ low) | word | low) >> 2)
  }
}
