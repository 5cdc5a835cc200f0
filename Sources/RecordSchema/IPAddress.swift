/// An IPv4 or IPv6 address as a record stores it: one byte 4 or 6, three of padding, 16 bytes.
public struct IPAddress: CustomStringConvertible {
  private let version: UInt8
  private let bytes: UnsafeRawBufferPointer

  /// Looks at the 20 bytes of a stored address, which must outlive this value; nil if they are no
  /// address.
  public init?(_ stored: UnsafeRawBufferPointer) {
    guard stored.count == 20, stored[0] == 4 || stored[0] == 6 else { return nil }
    version = stored[0]
    bytes = UnsafeRawBufferPointer(rebasing: stored[4...])
  }

  /// The address as RFC 5952 writes it.
  public var description: String {
    var text: [UInt8] = []
    write { text.append($0) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Most bytes that an address takes as text.
  public static let maximumLength = 45

  /// Hands over the text of `description` byte by byte.
  public func write(_ put: (UInt8) -> Void) {
    guard version == 6 else { return writeDotted(from: 0, put) }
    let groups = (0..<8).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) }
    let isMapped = groups[..<5].allSatisfy { $0 == 0 } && groups[5] == 0xffff
    let zeros = Self.longestZeros(groups)
    let end = isMapped ? 6 : 8
    var index = 0
    while index < end {
      if index == zeros.lowerBound, !zeros.isEmpty {
        put(UInt8(ascii: ":"))
        put(UInt8(ascii: ":"))
        index = zeros.upperBound
        continue
      }
      if index > 0, index != zeros.upperBound || zeros.isEmpty { put(UInt8(ascii: ":")) }
      for digit in String(groups[index], radix: 16).utf8 { put(digit) }
      index += 1
    }
    guard isMapped else { return }
    put(UInt8(ascii: ":"))
    writeDotted(from: 12, put)
  }

  private func writeDotted(from start: Int, _ put: (UInt8) -> Void) {
    for index in 0..<4 {
      if index > 0 { put(UInt8(ascii: ".")) }
      for digit in String(bytes[start + index]).utf8 { put(digit) }
    }
  }

  /// The first longest run of at least two zero groups.
  private static func longestZeros(_ groups: [UInt16]) -> Range<Int> {
    var best = 0..<0
    var start = 0
    for index in 0...groups.count {
      guard index == groups.count || groups[index] != 0 else { continue }
      if index - start > max(best.count, 1) { best = start..<index }
      start = index + 1
    }
    return best
  }
}
