import TypeInformation

/// Any bytes as type information, and a value of each type in it.
enum TypesTarget {
  private static let valueSize = 32

  /// BTF with an integer, an array of it and a structure of both.
  static var seeds: [[UInt8]] {
    func numbers(_ values: [Int]) -> [UInt8] {
      values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    }
    let strings = Array("\0int\0array\0whole\0".utf8)
    let types = numbers([
      1, 1 << 24, 4, 1 << 24 | 32, 5, 3 << 24, 0, 1, 1, 3, 11, 4 << 24 | 2, 16, 1, 1, 0, 5, 2, 32,
    ])
    let header = [0x9f, 0xeb, 1, 0] + numbers([24, 0, types.count, types.count, strings.count])
    return [[UInt8](repeating: 7, count: valueSize) + header + types + strings]
  }

  static func run(_ input: [UInt8]) {
    var input = Bytes(input)
    let value = input.take(valueSize)
    guard let types = TypeTable(input.takeAll()) else { return }
    for type in 0..<16 {
      guard let text = value.withUnsafeBytes({ ValueJSON.text($0, type: type, in: types) }) else {
        continue
      }
      Checks.isJSON(Array(text))
      Checks.isHarmless(Array(text))
    }
  }
}
