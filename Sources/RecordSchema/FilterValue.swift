/// What a field must be equal to for its record to leave the kernel.
public enum FilterValue: Sendable, Hashable {
  case number(UInt64)
  case text([UInt8])

  /// Longest text that a program compares with.
  public static let textMax = 63

  /// Understands a value as a user writes it: a name where the field's values have names, a user's
  /// name or number for a uid, otherwise a number or a text.
  ///
  /// - Parameters:
  ///   - text: what was written.
  ///   - field: a field of the schema that is a filter.
  ///   - schema: the table.
  ///   - users: is called when a user's name must be looked up.
  /// - Throws: `InvalidFilter`.
  public init(
    _ text: String, for field: Field, in schema: Schema, users: () -> NameTable
  ) throws(InvalidFilter) {
    if field.type == .text {
      guard text.utf8.count <= Self.textMax else {
        throw InvalidFilter(field, text, "a text of at most \(Self.textMax) bytes")
      }
      self = .text(Array(text.utf8))
    } else if let set = schema.names.first(where: { $0.name == field.names }) {
      guard let value = set.values.first(where: { $0.name == text }) else {
        let names = set.values.map(\.name).joined(separator: ", ")
        throw InvalidFilter(field, text, "one of \(names)")
      }
      self = .number(value.value)
    } else if let number = UInt64(text) {
      self = .number(number)
    } else if field.kind == .uid {
      guard let number = users().number(of: text) else {
        throw InvalidFilter(field, text, "a user's number, or a name in /etc/passwd")
      }
      self = .number(number)
    } else {
      throw InvalidFilter(field, text, "a number")
    }
  }
}

/// A value that a field cannot have.
public struct InvalidFilter: Error, CustomStringConvertible {
  /// What and what would be right, on one line.
  public let description: String

  init(_ field: Field, _ text: String, _ expectation: String) {
    description = "\(field.name) is \(expectation), not \"\(text)\""
  }
}

extension Schema {
  /// The fields that a program can compare with a value, in the order of its constants.
  public var filters: [Field] { fields.filter(\.isFilter) }
}
