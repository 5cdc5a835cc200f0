public import RecordSchema

extension Schema {
  /// A JSON Schema (draft 2020-12) of one row as JSON has it, with what `RowStamp` adds, if wanted.
  /// No key is required: the columns are those that were asked for.
  public func jsonSchema(stamp: Bool) -> String {
    let columns = DefinedColumn.all(of: self, stamp: stamp)
    let names = columns.map(\.name)
    let properties =
      columns.map { "    \(quoted($0.name)): \($0.jsonSchema)" }
      + DefinedColumn.marks.map { mark in
        "    \(quoted(mark.name)): { \"description\": \(quoted(mark.summary)), \"type\": \"array\", "
          + "\"items\": { \"enum\": \(list(names)) } }"
      }
    return """
      {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": \(quoted(name)),
        "description": \(quoted(summary)),
        "type": "object",
        "properties": {
      \(properties.joined(separator: ",\n"))
        },
        "additionalProperties": false
      }

      """
  }
}

extension DefinedColumn {
  fileprivate var jsonSchema: String {
    "{ \"description\": \(quoted(summary))\(condition.isEmpty ? "" : ", ")\(condition) }"
  }

  private var null: String { isKnown ? "" : ", \"null\"" }

  private func type(_ name: String, _ more: String = "") -> String {
    "\"type\": [\"\(name)\"\(null)]" + (more.isEmpty ? "" : ", " + more)
  }

  /// What holds of a value.
  private var condition: String {
    switch shape {
    case .integer(let type): self.type("integer", Self.range(of: type))
    case .real: type("number")
    case .boolean: type("boolean")
    case .text(nil): type("string")
    case .text(let pattern?): type("string", "\"pattern\": \(quoted(pattern))")
    case .name: type("string", "\"anyOf\": [{ \"enum\": \(list(names, "null")) }, \(Self.unknown)]")
    case .ip: type("string", "\"anyOf\": [{ \"format\": \"ipv4\" }, { \"format\": \"ipv6\" }]")
    case .uuid: type("string", "\"format\": \"uuid\"")
    case .moment: type("string", "\"format\": \"date-time\"")
    case .names:
      type("array", "\"items\": { \"anyOf\": [{ \"enum\": \(list(names)) }, \(Self.bits)] }")
    case .numbers(let type):
      self.type("array", "\"items\": { \"type\": \"integer\", \(Self.range(of: type)) }")
    case .json: ""
    }
  }

  /// A value without a name.
  private static let unknown = "{ \"type\": \"string\", \"pattern\": \"^unknown:[0-9]+$\" }"
  /// Flags without names.
  private static let bits = "{ \"type\": \"string\", \"pattern\": \"^0x[0-9a-f]+$\" }"

  private static func range(of type: FieldType) -> String {
    switch type {
    case .s8: "\"minimum\": \(Int8.min), \"maximum\": \(Int8.max)"
    case .s16: "\"minimum\": \(Int16.min), \"maximum\": \(Int16.max)"
    case .s32: "\"minimum\": \(Int32.min), \"maximum\": \(Int32.max)"
    case .s64: "\"minimum\": \(Int64.min), \"maximum\": \(Int64.max)"
    case .u8: "\"minimum\": 0, \"maximum\": \(UInt8.max)"
    case .u16: "\"minimum\": 0, \"maximum\": \(UInt16.max)"
    case .u32: "\"minimum\": 0, \"maximum\": \(UInt32.max)"
    default: "\"minimum\": 0, \"maximum\": \(UInt64.max)"
    }
  }
}

private func quoted(_ text: String) -> String {
  var output = ByteBuffer(capacity: 64)
  output.append(json: text)
  return String(decoding: output.bytes, as: UTF8.self)
}

/// An array of names, and what else may stand in it.
private func list(_ names: [String], _ more: String...) -> String {
  "[" + (names.map(quoted) + more).joined(separator: ", ") + "]"
}
