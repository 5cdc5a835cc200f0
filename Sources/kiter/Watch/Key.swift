/// A key as a terminal sends it.
enum Key: Equatable {
  case character(Character)
  case up, down, left, right, pageUp, pageDown, home, end
  case enter, escape, backspace
  /// Control and U: the line is to be emptied.
  case erase
  /// Control and L: the screen is to be drawn anew.
  case refresh
}

/// Makes keys of the bytes that a terminal sends; a sequence may come in pieces.
struct KeyParser {
  private var rest: [UInt8] = []

  /// Could what has come be the beginning of a longer sequence, or the key Escape?
  var isUndecided: Bool { !rest.isEmpty }

  /// The keys that are complete with these bytes.
  mutating func keys(_ bytes: some Sequence<UInt8>) -> [Key] {
    rest += bytes
    var keys: [Key] = []
    while let (key, length) = next() {
      rest.removeFirst(length)
      if let key { keys.append(key) }
    }
    return keys
  }

  /// Nothing more came: an escape by itself is the key, and half a sequence is nothing.
  mutating func decide() -> [Key] {
    defer { rest = [] }
    return rest == [0x1b] ? [.escape] : []
  }

  /// The first key and how many bytes it takes, nil for a sequence that is none of ours; nil if more
  /// bytes must come.
  private func next() -> (Key?, Int)? {
    guard let first = rest.first else { return nil }
    switch first {
    case 0x1b: return sequence()
    case 0x0a, 0x0d: return (.enter, 1)
    case 0x08, 0x7f: return (.backspace, 1)
    case 0x15: return (.erase, 1)
    case 0x0c: return (.refresh, 1)
    case 0..<0x20: return (nil, 1)
    default: return character(first)
    }
  }

  /// `ESC [ parameters letter` and `ESC O letter` (ECMA-48, 5.4).
  private func sequence() -> (Key?, Int)? {
    guard rest.count > 1 else { return nil }
    let isLong = rest[1] == UInt8(ascii: "[")
    // Escape, and then another key.
    guard isLong || rest[1] == UInt8(ascii: "O") else { return (.escape, 1) }
    guard let end = rest.dropFirst(2).firstIndex(where: { (0x40...0x7e).contains($0) }) else {
      return nil
    }
    let parameter = rest[2..<end].prefix { $0 != UInt8(ascii: ";") }
    return (Self.key(rest[end], parameter), end + 1)
  }

  private static func key(_ letter: UInt8, _ parameter: ArraySlice<UInt8>) -> Key? {
    switch (letter, String(decoding: parameter, as: UTF8.self)) {
    case (UInt8(ascii: "A"), _): .up
    case (UInt8(ascii: "B"), _): .down
    case (UInt8(ascii: "C"), _): .right
    case (UInt8(ascii: "D"), _): .left
    case (UInt8(ascii: "H"), _), (UInt8(ascii: "~"), "1"), (UInt8(ascii: "~"), "7"): .home
    case (UInt8(ascii: "F"), _), (UInt8(ascii: "~"), "4"), (UInt8(ascii: "~"), "8"): .end
    case (UInt8(ascii: "~"), "5"): .pageUp
    case (UInt8(ascii: "~"), "6"): .pageDown
    default: nil
    }
  }

  private func character(_ first: UInt8) -> (Key?, Int)? {
    let length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
    guard rest.count >= length else { return nil }
    let text = String(validating: rest.prefix(length), as: UTF8.self)
    guard let character = text?.first else { return (nil, 1) }
    return (.character(character), length)
  }
}
