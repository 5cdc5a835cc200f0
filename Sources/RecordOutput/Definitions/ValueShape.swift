import RecordSchema

/// What JSON Lines have in place of a field's value, besides null.
enum ValueShape: Equatable {
  /// A number without decimals; the type says its range.
  case integer(FieldType)
  /// A number with decimals.
  case real
  case boolean
  /// Any text, or one in which each match of a regular expression is.
  case text(pattern: String?)
  /// One of some names, or `unknown:7`.
  case name
  case ip
  case uuid
  /// RFC 3339 in UTC.
  case moment(Timestamp.Precision)
  /// An array of names, the last of which may be hexadecimal bits.
  case names
  /// An array of numbers.
  case numbers(FieldType)
  /// Anything.
  case json

  init(_ field: Field) {
    switch field.kind {
    case .boolean: self = .boolean
    case .percent: self = .real
    case .timestamp: self = .moment(.milliseconds)
    case .enumeration: self = .name
    case .flags: self = .names
    case .list: self = .numbers(field.type == .u64List ? .u64 : .u32)
    case .ip: self = .ip
    case .json: self = .json
    case .address, .mask, .cookie: self = .text(pattern: "^0x[0-9a-f]+$")
    case .device: self = .text(pattern: "^[0-9]+:[0-9]+$")
    case .mode: self = .text(pattern: "^0[0-7]*$")
    case .hex: self = .text(pattern: "^([0-9a-f]{2})*$")
    case .path, .text, .arguments: self = .text(pattern: nil)
    // What is derived has no type of its own, and is never negative.
    default: self = .integer(field.type ?? .u64)
    }
  }
}

/// A column of a definition.
struct DefinedColumn {
  let name: String
  let summary: String
  let shape: ValueShape
  /// The names of its values, if they have any.
  var names: [String] = []
  /// Is it never null?
  var isKnown = false

  /// The stamp's columns, if wanted, and then the schema's.
  static func all(of schema: Schema, stamp: Bool) -> [DefinedColumn] {
    let own = schema.columns.map { field in
      let set = schema.names.first { $0.name == field.names }
      return DefinedColumn(
        name: field.name, summary: field.summary, shape: ValueShape(field),
        names: set?.values.map(\.name) ?? [])
    }
    return (stamp ? Self.stamp : []) + own
  }

  private static let stamp = [
    DefinedColumn(name: "host", summary: "name of the host", shape: .text(pattern: nil)),
    DefinedColumn(
      name: "boot_id", summary: "boot of the host: another one each time", shape: .uuid),
    DefinedColumn(
      name: "time", summary: "when the rows were read", shape: .moment(.nanoseconds),
      isKnown: true),
  ]

  /// What JSON Lines add to a row with values that were cut, or could not be read.
  static let marks = [
    DefinedColumn(name: "_cut", summary: "columns whose values were cut", shape: .names),
    DefinedColumn(
      name: "_unreadable", summary: "columns whose values could not be read", shape: .names),
  ]
}
