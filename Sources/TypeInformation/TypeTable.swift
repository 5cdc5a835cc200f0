/// Types as BTF describes them: what `BPF_OBJ_GET_INFO_BY_FD` gives of a BTF object.
///
/// The bytes may be anything: every offset and count is checked where it is followed.
public struct TypeTable: Sendable {
  private let bytes: [UInt8]
  /// Where each type begins; number 0 is void.
  private let starts: [Int]
  private let strings: Range<Int>

  /// Finds where the types are.
  ///
  /// - Returns: nil if the bytes are no BTF of this machine's byte order.
  public init?(_ bytes: [UInt8]) {
    self.bytes = bytes
    let magic = 0xeb9f
    guard bytes.count >= 24, Self.number(bytes, 0, 2) == magic else { return nil }
    let header = Self.number(bytes, 4, 4)
    let types = header + Self.number(bytes, 8, 4)
    let typesEnd = types + Self.number(bytes, 12, 4)
    let texts = header + Self.number(bytes, 16, 4)
    let textsEnd = texts + Self.number(bytes, 20, 4)
    guard header >= 24, typesEnd <= bytes.count, textsEnd <= bytes.count else { return nil }
    strings = texts..<textsEnd
    var starts = [0]
    var at = types
    while at + 12 <= typesEnd {
      let info = Self.number(bytes, at + 4, 4)
      guard let rest = Self.size(ofKind: info >> 24 & 31, count: info & 0xffff) else { return nil }
      guard at + 12 + rest <= typesEnd else { return nil }
      starts.append(at)
      at += 12 + rest
    }
    self.starts = starts
  }

  /// The type of that number, behind names and qualifiers; nil if there is none.
  func type(_ number: Int) -> TypeDescription? {
    var number = number
    // A chain is no longer than there are types, unless it is a circle.
    for _ in 0..<64 {
      guard number > 0, number < starts.count else { return nil }
      let type = TypeDescription(start: starts[number], in: self)
      guard type.kind.map(Self.isTransparent) == true else { return type }
      number = type.sizeOrType
    }
    return nil
  }

  /// Does a name or a qualifier (`char`, `const char`) stand between this and a type?
  private static func isTransparent(_ kind: TypeDescription.Kind) -> Bool {
    switch kind {
    case .named, .volatile, .const, .restrict, .typeTag, .variable: true
    default: false
    }
  }

  /// A number of the BTF; 0 outside of it.
  func number(_ offset: Int, _ size: Int) -> Int {
    offset >= 0 && offset + size <= bytes.count ? Self.number(bytes, offset, size) : 0
  }

  /// The type of that number as it is, without looking behind names.
  func plainType(_ number: Int) -> TypeDescription? {
    guard number > 0, number < starts.count else { return nil }
    return TypeDescription(start: starts[number], in: self)
  }

  /// The text at an offset; empty outside of the texts.
  func text(_ offset: Int) -> ArraySlice<UInt8> {
    guard offset >= 0, offset < strings.count else { return [] }
    return bytes[(strings.lowerBound + offset)..<strings.upperBound].prefix { $0 != 0 }
  }

  private static func number(_ bytes: [UInt8], _ offset: Int, _ size: Int) -> Int {
    (0..<size).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
  }

  /// Bytes behind the common part of a type (include/uapi/linux/btf.h); nil for unknown kinds.
  private static func size(ofKind kind: Int, count: Int) -> Int? {
    switch TypeDescription.Kind(rawValue: kind) {
    case .integer, .variable, .declarationTag: 4
    case .array: 12
    case .structure, .union, .section, .enumeration64: 12 * count
    case .enumeration, .prototype: 8 * count
    case nil: nil
    default: 0
    }
  }
}

/// One type of a table.
struct TypeDescription {
  enum Kind: Int {
    case integer = 1
    case pointer, array, structure, union, enumeration, forward, named, volatile, const, restrict
    case function, prototype, variable, section, float, declarationTag, typeTag, enumeration64
  }

  let start: Int
  let table: TypeTable

  init(start: Int, in table: TypeTable) {
    self.start = start
    self.table = table
  }

  private var info: Int { table.number(start + 4, 4) }
  var kind: Kind? { Kind(rawValue: info >> 24 & 31) }
  var count: Int { info & 0xffff }
  var hasFlag: Bool { info >> 31 != 0 }
  var name: ArraySlice<UInt8> { table.text(table.number(start, 4)) }
  var sizeOrType: Int { table.number(start + 8, 4) }
  /// A word behind the common part.
  func word(_ index: Int) -> Int { table.number(start + 12 + 4 * index, 4) }

  /// Bytes of a value; nil if the type has no size.
  func size(depth: Int = 0) -> Int? {
    switch kind {
    case .pointer: return 8
    case .array:
      guard depth < 32, let element = table.type(word(0))?.size(depth: depth + 1) else {
        return nil
      }
      let (size, isTooLarge) = element.multipliedReportingOverflow(by: word(2))
      return isTooLarge ? nil : size
    case .integer, .structure, .union, .enumeration, .enumeration64, .float, .section:
      return sizeOrType
    default: return nil
    }
  }
}
