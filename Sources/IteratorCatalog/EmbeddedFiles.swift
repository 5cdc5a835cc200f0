public import KernelIterators
import RecordSchema

/// A table's two files: those that the build put into this program, or an outsider's.
public struct EmbeddedFiles: Sendable {
  private let objectHash: UInt64
  private let isOutside: Bool
  private let objectBytes: @Sendable () -> [UInt8]
  private let schemaBytes: @Sendable () -> [UInt8]

  /// Creates the pair, as base64: the one form in which Swift compiles 30 KB quickly; generated code
  /// does.
  public init(base64Object: StaticString, objectHash: UInt64, base64Schema: StaticString) {
    self.objectHash = objectHash
    isOutside = false
    objectBytes = { decodeBase64(base64Object) }
    schemaBytes = { decodeBase64(base64Schema) }
  }

  /// Makes a pair of what an outsider's files contain.
  init(object: [UInt8], schema: [UInt8]) {
    var hash = FNV1a()
    hash.combine(object)
    objectHash = hash.value
    isOutside = true
    objectBytes = { object }
    schemaBytes = { schema }
  }

  /// The BPF object file of a table.
  public func object(of table: String) -> ProgramObject {
    ProgramObject(name: table, hash: objectHash, isOutside: isOutside, contents: objectBytes)
  }

  /// The schema file's text.
  public var schema: String { String(decoding: schemaBytes(), as: UTF8.self) }
}

/// Decodes what the generator encoded: no other characters, padded to four.
private func decodeBase64(_ text: StaticString) -> [UInt8] {
  text.withUTF8Buffer { digits in
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 4 * 3)
    var bits: UInt32 = 0
    for (index, digit) in digits.enumerated() {
      bits = bits << 6 | sixBits(digit)
      guard index % 4 == 3 else { continue }
      bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
      bytes.append(UInt8(truncatingIfNeeded: bits))
    }
    bytes.removeLast(digits.reversed().prefix(2).count { $0 == UInt8(ascii: "=") })
    return bytes
  }
}

private func sixBits(_ digit: UInt8) -> UInt32 {
  switch digit {
  case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit) - 65
  case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit) - 71
  case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit) + 4
  case UInt8(ascii: "+"): 62
  case UInt8(ascii: "/"): 63
  default: 0
  }
}
