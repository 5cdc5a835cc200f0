import Foundation
import RecordSchema

/// The Swift of a table: its schema as a value, the typed record, and the program.
func swiftSource(for table: Table, object: Data) -> String {
  let schema = table.schema
  let layout = RecordLayout(schema)
  var slots: [String: RecordLayout.Slot] = [:]
  for (field, slot) in zip(schema.storedFields, layout.slots) { slots[field.name] = slot }
  return """
    // Generated from schemas/\(schema.name).json and bpf/\(schema.name).bpf.c.
    public import RecordSchema

    /// \(schema.summary).
    public struct \(recordName(schema.name)): KernelRecord {
      /// The columns by name.
      public enum Column: String, CaseIterable, Sendable {
    \(schema.columns.map { "    /// \($0.summary).\n    case \(identifier($0.name)) = \"\($0.name)\"" }
      .joined(separator: "\n"))
      }

      /// What `schemas/\(schema.name).json` says.
      public static let schema = Schema(
        name: \(literal(schema.name)), version: \(schema.version),
        summary: \(literal(schema.summary)),
        programs: [\(schema.programs.map(literal).joined(separator: ", "))],
        scopes: [\(schema.scopes.map { "." + $0.rawValue }.joined(separator: ", "))],
        parameters: [\(schema.parameters.map(literal).joined(separator: ", "))],
        key: [\(schema.key.map(literal).joined(separator: ", "))],\(
          schema.owners.map { "\n    owners: \(literal($0))," } ?? "")
        names: nameSets, fields: fields)

      /// The compiled `bpf/\(schema.name).bpf.c`, and the schema's own text.
      public static let files = EmbeddedFiles(
        base64Object: "\(object.base64EncodedString())",
        objectHash: 0x\(String(hash(object), radix: 16)),
        base64Schema: "\(Data(table.json.utf8).base64EncodedString())")

      /// The record's bytes.
      public let bytes: RecordBytes

      /// Gives types to a record's bytes.
      public init(_ bytes: RecordBytes) { self.bytes = bytes }

    \(schema.columns.enumerated().map { accessor($1, $0, slots[$1.name]) }.joined(separator: "\n"))

      private static let nameSets: [Schema.NameSet] = [
    \(schema.names.map { "    " + literal($0) + "," }.joined(separator: "\n"))
      ]

      private static let fields: [Field] = [
    \(schema.fields.map { "    " + literal($0) + "," }.joined(separator: "\n"))
      ]
    }

    """
}

private func hash(_ object: Data) -> UInt64 {
  var hash = FNV1a()
  hash.combine(object)
  return hash.value
}

/// The list of all tables.
func registrySource(_ names: [String]) -> String {
  """
  /// Every table that kiter has.
  public enum Catalog {
    /// The record types, by name of their table.
    public static let tables: [any KernelRecord.Type] = [
  \(names.map { "    \(recordName($0)).self," }.joined(separator: "\n"))
    ]

    /// The record type of a table's command; nil if there is none. Looks at no schema.
    public static func table(command name: String) -> (any KernelRecord.Type)? {
      switch name {
  \(names.map { "    case \(literal(commandName($0))): \(recordName($0)).self" }
    .joined(separator: "\n"))
      default: nil
      }
    }
  }

  """
}

/// `map_elements` -> `map-elements`.
private func commandName(_ table: String) -> String {
  table.split(separator: "_").joined(separator: "-")
}

/// `map_elements` -> `MapElementsRecord`.
private func recordName(_ table: String) -> String {
  table.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    + "Record"
}

/// `rss_bytes` -> `rssBytes`, in backticks where Swift has the word.
private func identifier(_ name: String) -> String {
  let parts = name.split(separator: "_")
  let camel =
    (parts.first ?? "")
    + parts.dropFirst().map {
      $0.prefix(1).uppercased() + $0.dropFirst()
    }.joined()
  return "`\(camel)`"
}

private func accessor(_ field: Field, _ column: Int, _ slot: RecordLayout.Slot?) -> String {
  let how: (type: String, get: String) =
    switch (slot, field.kind) {
    case (.some, .enumeration):
      ("String", "bytes.name(\(column))")
    case (.some, .flags):
      ("[String]", "bytes.names(\(column))")
    case (let slot?, _): typed(slot)
    case (nil, .text), (nil, .path), (nil, .timestamp), (nil, .json):
      ("String", "bytes.derivedText(\(column))")
    case (nil, _): ("UInt64", "bytes.derivedNumber(\(column))")
    }
  return """
      /// \(field.summary).
      public var \(identifier(field.name)): \(how.type)? { \(how.get) }
    """
}

private func place(_ slot: RecordLayout.Slot) -> String {
  "RecordLayout.Slot(type: .\(slot.type), bit: \(slot.bit), offset: \(slot.offset))"
}

private func typed(_ slot: RecordLayout.Slot) -> (type: String, get: String) {
  let at = "at: \(slot.offset), bit: \(slot.bit)"
  return switch slot.type {
  case .u8: ("UInt8", "bytes.load(UInt8.self, \(at))")
  case .u16: ("UInt16", "bytes.load(UInt16.self, \(at))")
  case .u32: ("UInt32", "bytes.load(UInt32.self, \(at))")
  case .u64: ("UInt64", "bytes.load(UInt64.self, \(at))")
  case .s8: ("Int8", "bytes.load(Int8.self, \(at))")
  case .s16: ("Int16", "bytes.load(Int16.self, \(at))")
  case .s32: ("Int32", "bytes.load(Int32.self, \(at))")
  case .s64: ("Int64", "bytes.load(Int64.self, \(at))")
  case .bool: ("Bool", "bytes.load(UInt8.self, \(at)).map { $0 != 0 }")
  case .text: ("String", "bytes.text(\(place(slot)))")
  case .ip: ("String", "bytes.address(\(place(slot)))")
  case .u32List: ("[UInt32]", "bytes.list(\(place(slot)))")
  case .u64List: ("[UInt64]", "bytes.list(\(place(slot)))")
  case .value: ("Never", "nil")
  }
}
