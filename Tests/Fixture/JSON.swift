/// A JSON value: enough to write facts without Foundation, which would add threads and descriptors.
enum JSON {
  case null
  case bool(Bool)
  case digits(String)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  /// A number of any integer type, exact.
  static func number(_ value: some BinaryInteger) -> JSON { .digits(String(value)) }

  /// Raw bytes as hexadecimal, because names and paths need not be UTF-8.
  static func hex(_ bytes: some Sequence<UInt8>) -> JSON { .string(hexadecimal(bytes)) }

  /// The value with its members and those of `other`; `other` wins.
  func merging(_ other: [String: JSON]) -> JSON {
    guard case .object(let members) = self else { return .object(other) }
    return .object(members.merging(other) { $1 })
  }

  /// The value as one line of text.
  var text: String {
    switch self {
    case .null: "null"
    case .bool(let value): String(value)
    case .digits(let digits): digits
    case .string(let value): Self.quoted(value)
    case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
    case .object(let members):
      "{"
        + members.sorted { $0.key < $1.key }
        .map { Self.quoted($0.key) + ":" + $0.value.text }.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ value: String) -> String {
    var result = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\u{0}"..<"\u{20}":
        let code = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - code.count) + code
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral
{
  init(stringLiteral value: String) { self = .string(value) }
  init(booleanLiteral value: Bool) { self = .bool(value) }
  init(arrayLiteral elements: JSON...) { self = .array(elements) }
  init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Dictionary(uniqueKeysWithValues: elements))
  }
}

/// Bytes as lower-case hexadecimal digits.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// The bytes that hexadecimal digits stand for, or nil when the text is no such thing.
func bytes(hexadecimal text: String) -> [UInt8]? {
  let digits = text.compactMap(\.hexDigitValue).map { UInt8($0) }
  guard digits.count == text.count, digits.count.isMultiple(of: 2) else { return nil }
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
