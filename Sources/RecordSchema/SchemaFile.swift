import FoundationEssentials

/// The file's own shape; the keys are the JSON's.
struct SchemaFile: Codable {
  var name: String
  var version: Int
  var summary: String
  var programs: [Program]
  var scopes: [Named<Schema.Scope>]?
  var parameters: [Parameter]?
  var key: [String]
  var owners: Owners?
  var names: [String: Names]?
  var fields: [Entry]

  struct Program: Codable {
    var name: String
    var target: String
    var since: String
    var option: String?
    var locks: String?
    var direct: String?
  }

  struct Parameter: Codable {
    var name: String
    var type: Named<Schema.Parameter.Form>
    var summary: String
    var maximum: UInt32?
    var `where`: String?
  }

  struct Owners: Codable {
    var on: String
    var held: Named<Schema.Owners.Held>
  }

  struct Names: Codable {
    var `enum`: [String: UInt64]?
    var flags: [String: UInt64]?
    var number_mask: UInt64?
    var verdicts: [String: Schema.Verdict]?
  }

  struct Entry: Codable {
    var name: String
    var type: FieldType?
    var kind: Named<Kind>
    var summary: String
    var source: String
    var oracle: String
    var since: String?
    var requires: [String]?
    var `default`: Bool?
    var hidden: Bool?
    var filter: Bool?
    var counter: Bool?
    var cost: String?
    var title: String?
    var names: String?
    var derive: Named<Derivation>?
    var from: [String]?

    /// The field; nil if it is derived in a way that is not known.
    var field: Field? {
      if type == nil, let derive, derive.value == nil { return nil }
      return Field(
        name: name, type: type, kind: kind.value ?? type?.plainKind ?? .text, summary: summary,
        source: source, oracle: oracle, since: since, requires: requires ?? [],
        isDefault: `default` ?? false, isHidden: hidden ?? false, isFilter: filter ?? false,
        isCounter: counter ?? false, cost: cost ?? "cheap", title: title, names: names,
        derivation: derive?.value, inputs: from ?? [])
    }
  }
}

/// One of the names that Swift has a case for.
struct Named<Value: RawRepresentable<String>>: Codable {
  let text: String
  /// Nil for a name that this version does not know, where that is allowed.
  var value: Value? { Value(rawValue: text) }

  init(_ value: Value) { text = value.rawValue }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    text = try container.decode(String.self)
    guard value == nil, decoder.userInfo[isTolerantKey] as? Bool != true else { return }
    throw DecodingError.dataCorruptedError(
      in: container, debugDescription: "\"\(text)\" is not known")
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

/// Are names allowed that this version does not know?
let isTolerantKey: CodingUserInfoKey = {
  guard let key = CodingUserInfoKey(rawValue: "isTolerant") else {
    preconditionFailure("any text is a key")
  }
  return key
}()

extension FieldType {
  /// The kind of a value of which only the type is known.
  fileprivate var plainKind: Kind {
    switch self {
    case .text, .value: .text
    case .u32List, .u64List: .list
    case .ip: .ip
    case .bool: .boolean
    case .u8, .u16, .u32, .u64, .s8, .s16, .s32, .s64: .integer
    }
  }
}
