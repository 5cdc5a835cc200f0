import Foundation

/// A JSON value whose parts are asked for by name and type.
///
/// A missing member is `null`, and asking `null` for a number throws and says where it was found.
struct Facts: Decodable, Sendable {
  private indirect enum Value: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    case string(String)
    case array([Facts])
    case object([String: Facts])
  }

  /// A value is missing or of another type.
  struct Mismatch: Error, CustomStringConvertible {
    let wanted: String
    let found: String
    var description: String { "expected \(wanted), found \(found)" }
  }

  private let value: Value

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    value =
      if container.decodeNil() { .null } else if let value = try? container.decode(Bool.self) {
        .bool(value)
      } else if let value = try? container.decode(Int64.self) {
        .integer(value)
      } else if let value = try? container.decode(UInt64.self) {
        .unsigned(value)
      } else if let value = try? container.decode(String.self) {
        .string(value)
      } else if let value = try? container.decode([Facts].self) { .array(value) } else {
        .object(try container.decode([String: Facts].self))
      }
  }

  private init(_ value: Value) { self.value = value }

  /// The member of that name.
  subscript(_ name: String) -> Facts {
    guard case .object(let members) = value else { return Facts(.null) }
    return members[name] ?? Facts(.null)
  }

  /// True if there is no value.
  var isNull: Bool { if case .null = value { true } else { false } }

  /// A number that fits.
  var int: Int {
    get throws {
      guard case .integer(let number) = value else { throw mismatch("an integer") }
      return Int(number)
    }
  }

  /// A number that is not negative.
  var uint: UInt64 {
    get throws {
      switch value {
      case .integer(let number) where number >= 0: return UInt64(number)
      case .unsigned(let number): return number
      default: throw mismatch("an unsigned integer")
      }
    }
  }

  /// True or false.
  var bool: Bool {
    get throws {
      guard case .bool(let answer) = value else { throw mismatch("a truth value") }
      return answer
    }
  }

  /// Text.
  var string: String {
    get throws {
      guard case .string(let text) = value else { throw mismatch("a string") }
      return text
    }
  }

  /// Raw bytes, which the fixture writes as hexadecimal digits.
  var bytes: [UInt8] {
    get throws {
      let digits = try string.compactMap(\.hexDigitValue).map { UInt8($0) }
      guard try digits.count == string.count, digits.count.isMultiple(of: 2) else {
        throw mismatch("hexadecimal digits")
      }
      return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
  }

  /// The elements of an array.
  var array: [Facts] {
    get throws {
      guard case .array(let elements) = value else { throw mismatch("an array") }
      return elements
    }
  }

  /// The members of an object.
  var object: [String: Facts] {
    get throws {
      guard case .object(let members) = value else { throw mismatch("an object") }
      return members
    }
  }

  private func mismatch(_ wanted: String) -> Mismatch {
    Mismatch(wanted: wanted, found: "\(value)")
  }
}
