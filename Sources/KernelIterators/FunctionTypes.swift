/// A program's type information (BTF: Documentation/bpf/btf.rst), as far as the kernel looks at it:
/// the types of functions. Structures are named and have a size, but their members are left out.
///
/// The kernel checks all that it is given, and most of it is what CO-RE needed before.
struct FunctionTypes {
  /// `BTF_KIND_…`
  private enum Kind {
    static let integer: UInt32 = 1, pointer: UInt32 = 2, array: UInt32 = 3, structure: UInt32 = 4
    static let union: UInt32 = 5, enumeration: UInt32 = 6, function: UInt32 = 12
    static let prototype: UInt32 = 13, variable: UInt32 = 14, section: UInt32 = 15
    static let declarationTag: UInt32 = 17, typeTag: UInt32 = 18, enumeration64: UInt32 = 19
    /// Typedefs, forward declarations and qualifiers, of which the first has no reference.
    static let forward: UInt32 = 7
    static let named: ClosedRange<UInt32> = 8...11
    static let last: UInt32 = 19
  }

  private struct Entry {
    var words: ArraySlice<UInt32>
    var name: UInt32 { words[words.startIndex] }
    var info: UInt32 { words[words.startIndex + 1] }
    var kind: UInt32 { info >> 24 & 0x1f }
    var count: Int { Int(info & 0xffff) }
  }

  private static let magic: UInt32 = 0xeb9f
  private static let headerSize = 24
  private let header: [UInt32]
  private let entries: [Entry]
  private let strings: ArraySlice<UInt8>

  /// Reads type information; nil if it is not understood.
  init?(_ bytes: [UInt8]) {
    let words = Self.words(bytes[...])
    guard words.count * 4 >= Self.headerSize, words[0] & 0xffff == Self.magic,
      words[1] == Self.headerSize
    else { return nil }
    header = Array(words.prefix(2))
    guard let types = Self.part(bytes, words[2], words[3]),
      let strings = Self.part(bytes, words[4], words[5]), let entries = Self.entries(types)
    else { return nil }
    self.entries = entries
    self.strings = strings
  }

  /// The types that functions need.
  ///
  /// - Parameter functions: numbers of functions' types.
  /// - Returns: type information, and the functions' numbers in it; nil if there are no such types.
  func needed(by functions: [UInt32]) -> (types: [UInt8], numbers: [UInt32])? {
    var order: [UInt32] = []
    var places = [UInt32](repeating: 0, count: entries.count + 1)
    var next = functions
    while let number = next.popLast() {
      guard number <= entries.count else { return nil }
      guard number > 0, places[Int(number)] == 0 else { continue }
      order.append(number)
      places[Int(number)] = UInt32(order.count)
      next += references(of: entries[Int(number) - 1]).map { kept(entries[Int(number) - 1])[$0] }
    }
    var types: [UInt32] = []
    var names: [UInt8] = [0]
    for number in order {
      var words = kept(entries[Int(number) - 1])
      for at in references(of: entries[Int(number) - 1]) { words[at] = places[Int(words[at])] }
      for at in nameOffsets(of: entries[Int(number) - 1]) {
        guard let name = copyName(words[at], to: &names) else { return nil }
        words[at] = name
      }
      types += words
    }
    return (assembled(types, names), functions.map { places[Int($0)] })
  }
}

extension FunctionTypes {
  private static func words(_ bytes: ArraySlice<UInt8>) -> [UInt32] {
    bytes.withUnsafeBytes { bytes in
      // SAFETY: four bytes from each place are inside.
      (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self) }
    }
  }

  /// A part behind the header.
  private static func part(_ bytes: [UInt8], _ offset: UInt32, _ size: UInt32) -> ArraySlice<UInt8>?
  {
    let start = headerSize + Int(offset)
    return start + Int(size) <= bytes.count ? bytes[start..<start + Int(size)] : nil
  }

  private static func entries(_ bytes: ArraySlice<UInt8>) -> [Entry]? {
    let words = words(bytes)
    var entries: [Entry] = []
    var at = 0
    while at + 3 <= words.count {
      let head = Entry(words: words[at..<at + 3])
      guard let extra = extraWords(head), at + 3 + extra <= words.count else { return nil }
      entries.append(Entry(words: words[at..<at + 3 + extra]))
      at += 3 + extra
    }
    return at == words.count ? entries : nil
  }

  /// How much follows the three words of each type.
  private static func extraWords(_ entry: Entry) -> Int? {
    switch entry.kind {
    case Kind.integer, Kind.variable, Kind.declarationTag: 1
    case Kind.array: 3
    case Kind.structure, Kind.union, Kind.section, Kind.enumeration64: 3 * entry.count
    case Kind.enumeration, Kind.prototype: 2 * entry.count
    case 1...Kind.last: 0
    default: nil
    }
  }

  /// What is kept of a type: of structures not the members.
  private func kept(_ entry: Entry) -> [UInt32] {
    guard entry.kind == Kind.structure || entry.kind == Kind.union else {
      return Array(entry.words)
    }
    let first = entry.words.startIndex
    return [entry.name, entry.kind << 24, entry.words[first + 2]]
  }

  /// Where a type names others.
  private func references(of entry: Entry) -> [Int] {
    switch entry.kind {
    case Kind.pointer, Kind.named, Kind.function, Kind.typeTag: [2]
    case Kind.array: [3, 4]
    case Kind.prototype: [2] + (0..<entry.count).map { 4 + 2 * $0 }
    default: []
    }
  }

  /// Where a type has offsets of names.
  private func nameOffsets(of entry: Entry) -> [Int] {
    switch entry.kind {
    case Kind.prototype: [0] + (0..<entry.count).map { 3 + 2 * $0 }
    case Kind.enumeration: [0] + (0..<entry.count).map { 3 + 2 * $0 }
    case Kind.enumeration64: [0] + (0..<entry.count).map { 3 + 3 * $0 }
    default: [0]
    }
  }

  private func copyName(_ offset: UInt32, to names: inout [UInt8]) -> UInt32? {
    if offset == 0 { return 0 }
    guard offset < strings.count else { return nil }
    let place = UInt32(names.count)
    names += strings[(strings.startIndex + Int(offset))...].prefix { $0 != 0 } + [0]
    return place
  }

  private func assembled(_ types: [UInt32], _ names: [UInt8]) -> [UInt8] {
    let size = UInt32(types.count * 4)
    let words = header + [0, size, size, UInt32(names.count)] + types
    return words.withUnsafeBytes { Array($0) } + names
  }
}
