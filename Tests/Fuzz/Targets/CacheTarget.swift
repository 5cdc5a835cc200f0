import KernelIterators

/// Reads entries of the cache, and folds the programs in those that make sense.
enum CacheTarget {
  private static let key = CacheKey(fileName: "walk-1", bytes: [1, 2, 3, 4])
  /// `if (constant) return 1; return 0;` as instructions of BPF.
  private static let code: [[UInt8]] = [
    [0x18, 0x21, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0], [0x61, 0x11, 0, 0, 0, 0, 0, 0],
    [0xb7, 0, 0, 0, 0, 0, 0, 0], [0x15, 1, 1, 0, 0, 0, 0, 0], [0xb7, 0, 0, 0, 1, 0, 0, 0],
    [0x95, 0, 0, 0, 0, 0, 0, 0],
  ]

  private static var image: [UInt8] {
    func number(_ value: Int) -> [UInt8] {
      (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    func list(_ bytes: [UInt8]) -> [UInt8] { number(bytes.count) + bytes }
    let map = list(Array(".rodata.config".utf8)) + [2, 4, 4, 1, 0x80].flatMap(number)
    let program = list(Array("walk".utf8)) + [26, 28, 99, 16].flatMap(number)
    return list([]) + number(1) + map + list([0, 0, 0, 0]) + number(1) + program
      + list(code.flatMap { $0 }) + list(number(0) + number(1)) + number(8)
  }

  static var seeds: [[UInt8]] { [[0] + image, [1] + CacheEntry.bytes(key: key, body: image)] }

  static func run(_ input: [UInt8]) {
    var input = Bytes(input)
    if input.byte() & 1 == 1 {
      let entry = input.takeAll()
      if let body = CacheEntry.body(of: entry, key: key),
        CacheEntry.bytes(key: key, body: body) != entry
      {
        finding("another entry was read")
      }
    } else {
      decode(input.takeAll())
    }
  }

  private static func decode(_ bytes: [UInt8]) {
    guard let image = ProgramImage(encoded: bytes) else { return }
    if ProgramImage(encoded: image.encoded) != image { finding("another image was read") }
    for constants in [[0, 0, 0, 0], [1, 0, 0, 0], [UInt8](repeating: 0xff, count: 8)] as [[UInt8]] {
      let folded = image.folded(constants)
      if ProgramImage(encoded: folded.encoded) != folded { finding("a folded image is none") }
    }
  }
}
