import Testing

@testable import TypeInformation

@Suite struct ValueJSONTests {
  private static func shown(_ bytes: [UInt8], _ type: Int, _ types: TypeTable) -> String? {
    bytes.withUnsafeBytes { ValueJSON.text($0, type: type, in: types) }
      .map { String(decoding: $0, as: UTF8.self) }
  }

  private static let types: TypesUnderTest = {
    var types = TypesUnderTest()
    types.integer("int", size: 4, encoding: 1)  // 1
    types.integer("char", size: 1, encoding: 1)  // 2
    types.array(of: 2, count: 6)  // 3
    types.integer("_Bool", size: 1, encoding: 4)  // 4
    types.pointer(to: 0)  // 5
    types.enumeration("color", size: 4, [("red", 0), ("dark", 0xffff_fffd)], isSigned: true)  // 6
    types.structure("inner", size: 4, [("low", 1, 0)])  // 7
    types.structure(  // 8
      "outer", size: 16, [("id", 1, 0), ("name", 3, 32), ("", 7, 80), ("yes", 4, 112)])
    types.bitFields("bits", size: 4, [("a", 1, 0, 3), ("b", 1, 3, 5)])  // 9
    types.named("word", 1)  // 10
    types.float("double", size: 8)  // 11
    types.integer("__int128", size: 16, encoding: 1)  // 12
    return types
  }()

  @Test(
    arguments: [
      ([0xff, 0xff, 0xff, 0xff], 1, "-1"), ([42, 0, 0, 0], 10, "42"),
      ([0x61, 0x62, 0, 0, 0, 0], 3, #""ab""#), ([0x61, 0, 1, 0, 0, 0], 3, "[97,0,1,0,0,0]"),
      ([0x22, 0x5c, 0, 0, 0, 0], 3, #""\"\\""#), ([1], 4, "true"), ([0], 4, "false"),
      ([0x10, 0x32, 0, 0, 0, 0, 0, 0], 5, #""0x3210""#), ([0, 0, 0, 0, 0, 0, 0, 0], 5, #""0x0""#),
      ([0, 0, 0, 0], 6, #""red""#), ([0xfd, 0xff, 0xff, 0xff], 6, #""dark""#),
      ([5, 0, 0, 0], 6, "5"), ([0xfe, 0xff, 0xff, 0xff], 6, "-2"),
      ([0x2d, 0, 0, 0], 9, #"{"a":-3,"b":5}"#),
      ([0, 0, 0, 0, 0, 0, 0xf8, 0x3f], 11, "1.5"), ([0, 0, 0, 0, 0, 0, 0xf0, 0x7f], 11, "null"),
      (
        [1, 0, 0, 0, 0x78, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0], 8,
        #"{"id":1,"name":"x","low":7,"yes":true}"#
      ),
      (
        [1] + [UInt8](repeating: 0, count: 14) + [0x80], 12,
        #""0x80000000000000000000000000000001""#
      ),
    ] as [([UInt8], Int, String)])
  func shows(bytes: [UInt8], type: Int, expected: String) throws {
    let table = try #require(TypeTable(Self.types.bytes))
    #expect(Self.shown(bytes, type, table) == expected)
  }

  @Test func tooFewBytesAndNoTypesAreNothing() throws {
    let table = try #require(TypeTable(Self.types.bytes))
    #expect(Self.shown([1, 2, 3], 1, table) == nil)
    for type in [0, -1, 13, 1 << 40] { #expect(Self.shown([1, 2, 3, 4], type, table) == nil) }
  }

  /// A type in itself, and arrays of arrays whose sizes overflow or have no end.
  @Test func circlesAndEndlessArraysEnd() throws {
    var types = TypesUnderTest()
    types.structure("self", size: 4, [("again", 1, 0)])  // 1
    types.named("a", 3)  // 2
    types.named("b", 2)  // 3
    types.array(of: 4, count: 2)  // 4
    types.structure("empty", size: 0, [])  // 5
    types.array(of: 5, count: 0xffff_ffff)  // 6
    types.integer("char", size: 0xffff_ffff, encoding: 0)  // 7
    types.array(of: 7, count: 0xffff_ffff)  // 8
    types.array(of: 8, count: 0xffff_ffff)  // 9
    let table = try #require(TypeTable(types.bytes))
    for type in [1, 2, 3, 4, 7, 8, 9] { #expect(Self.shown([1, 2, 3, 4], type, table) == nil) }
    #expect(Self.shown([1, 2, 3, 4], 6, table) == "[]")
  }

  /// Every byte changed, and every length: whatever comes out, nothing traps, and it is ASCII.
  @Test func hostileTypesDoNotTrap() throws {
    let good = Self.types.bytes
    let value = [UInt8](0..<64)
    for index in good.indices {
      for change: UInt8 in [0, 1, 0x7f, 0x80, 0xff] where good[index] != change {
        var bytes = good
        bytes[index] = change
        Self.exercise(bytes, value)
      }
      Self.exercise(Array(good[..<index]), value)
    }
  }

  private static func exercise(_ bytes: [UInt8], _ value: [UInt8]) {
    guard let table = TypeTable(bytes) else { return }
    for type in 0..<14 {
      guard let text = shown(value, type, table) else { continue }
      #expect(text.utf8.allSatisfy { (0x20..<0x7f).contains($0) })
    }
  }
}

/// BTF in the making: as a compiler would write it.
struct TypesUnderTest {
  private var types: [UInt8] = []
  private var strings: [UInt8] = [0]

  var bytes: [UInt8] {
    let header = Self.little(0xeb9f, 2) + [1, 0] + Self.little(24, 4)
    let places = [0, types.count, types.count, strings.count].flatMap { Self.little($0, 4) }
    return header + places + types + strings
  }

  mutating func integer(_ name: String, size: Int, encoding: Int) {
    add(name, kind: 1, size)
    word(encoding << 24 | min(size, 16) * 8)
  }

  mutating func pointer(to type: Int) { add("", kind: 2, type) }
  mutating func named(_ name: String, _ type: Int) { add(name, kind: 8, type) }
  mutating func float(_ name: String, size: Int) { add(name, kind: 16, size) }

  mutating func array(of type: Int, count: Int) {
    add("", kind: 3, 0)
    for value in [type, 1, count] { word(value) }
  }

  mutating func structure(_ name: String, size: Int, _ members: [(String, Int, Int)]) {
    add(name, kind: 4, size, count: members.count)
    let names = members.map { string($0.0) }
    for (name, member) in zip(names, members) {
      for value in [name, member.1, member.2] { word(value) }
    }
  }

  mutating func bitFields(_ name: String, size: Int, _ members: [(String, Int, Int, Int)]) {
    add(name, kind: 4, size, count: members.count, flag: true)
    for (name, type, offset, bits) in members {
      let text = string(name)
      for value in [text, type, bits << 24 | offset] { word(value) }
    }
  }

  mutating func enumeration(
    _ name: String, size: Int, _ values: [(String, Int)], isSigned: Bool
  ) {
    add(name, kind: 6, size, count: values.count, flag: isSigned)
    for (name, value) in values {
      let text = string(name)
      word(text)
      word(value)
    }
  }

  private mutating func add(
    _ name: String, kind: Int, _ sizeOrType: Int, count: Int = 0, flag: Bool = false
  ) {
    let text = string(name)
    for value in [text, (flag ? 1 << 31 : 0) | kind << 24 | count, sizeOrType] { word(value) }
  }

  private mutating func string(_ text: String) -> Int {
    if text.isEmpty { return 0 }
    defer { strings += Array(text.utf8) + [0] }
    return strings.count
  }

  private mutating func word(_ value: Int) { types += Self.little(value, 4) }

  private static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
