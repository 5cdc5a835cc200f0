import FoundationEssentials

extension Schema {
  /// Reads `schemas/NAME.json`, with the name sets that tables share.
  ///
  /// - Throws: `SchemaError` that names the place and what would be right.
  public init(json: [UInt8], shared: [NameSet] = []) throws(SchemaError) {
    let file: SchemaFile = try decodeJSON(json)
    self.init(
      name: file.name, version: file.version, summary: file.summary,
      programs: file.programs.map {
        Program(
          name: $0.name, target: $0.target, since: $0.since, option: $0.option,
          locks: $0.locks, direct: $0.direct)
      },
      scopes: file.scopes ?? [],
      parameters: (file.parameters ?? []).map {
        Parameter(
          name: $0.name, form: $0.type, summary: $0.summary, maximum: $0.maximum ?? .max)
      },
      key: file.key, names: try NameSet.sets(file.names ?? [:]), fields: file.fields.map(\.field))
    let used = Set(fields.compactMap(\.names))
    let own = Set(names.map(\.name))
    names += shared.filter { used.contains($0.name) && !own.contains($0.name) }
    try validate()
  }
}

extension Schema.NameSet {
  /// Reads `schemas/shared/names.json`: the sets that more than one table uses.
  ///
  /// - Throws: `SchemaError` that names the place and what would be right.
  public static func shared(json: [UInt8]) throws(SchemaError) -> [Self] {
    let file: [String: SchemaFile.Names] = try decodeJSON(json)
    return try sets(file)
  }

  fileprivate static func sets(_ file: [String: SchemaFile.Names]) throws(SchemaError) -> [Self] {
    var sets: [Self] = []
    for (name, names) in file.sorted(by: { $0.key < $1.key }) {
      guard let values = names.enum ?? names.flags else {
        throw SchemaError("names \"\(name)\"", "needs \"enum\" or \"flags\"")
      }
      sets.append(
        Self(
          name: name, isFlags: names.flags != nil, numberMask: names.number_mask ?? 0,
          values: values.map { Value($0.key, $0.value) }
            .sorted { inOrder($0, $1, numberMask: names.number_mask ?? 0) }))
    }
    return sets
  }
}

/// Numbers first, by value; then flags, of which the widest must be looked for first (O_SYNC holds
/// O_DSYNC).
private func inOrder(
  _ a: Schema.NameSet.Value, _ b: Schema.NameSet.Value, numberMask: UInt64
) -> Bool {
  func rank(_ value: UInt64) -> (Int, UInt64) {
    value & ~numberMask == 0 ? (0, value) : (64 - value.nonzeroBitCount, value)
  }
  return rank(a.value) < rank(b.value)
}

/// The file's own shape; the keys are the JSON's.
private struct SchemaFile: Decodable {
  var name: String
  var version: Int
  var summary: String
  var programs: [Program]
  var scopes: [Schema.Scope]?
  var parameters: [Parameter]?
  var key: [String]
  var names: [String: Names]?
  var fields: [Entry]

  struct Program: Decodable {
    var name: String
    var target: String
    var since: String
    var option: String?
    var locks: String?
    var direct: String?
  }

  struct Parameter: Decodable {
    var name: String
    var type: Schema.Parameter.Form
    var summary: String
    var maximum: UInt32?
  }

  struct Names: Decodable {
    var `enum`: [String: UInt64]?
    var flags: [String: UInt64]?
    var number_mask: UInt64?
  }

  struct Entry: Decodable {
    var name: String
    var type: FieldType?
    var kind: Kind
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
    var derive: Derivation?
    var from: [String]?

    var field: Field {
      Field(
        name: name, type: type, kind: kind, summary: summary, source: source, oracle: oracle,
        since: since, requires: requires ?? [], isDefault: `default` ?? false,
        isHidden: hidden ?? false, isFilter: filter ?? false, isCounter: counter ?? false,
        cost: cost ?? "cheap", title: title, names: names, derivation: derive, inputs: from ?? [])
    }
  }
}

private func decodeJSON<T: Decodable>(_ json: [UInt8]) throws(SchemaError) -> T {
  do {
    return try JSONDecoder().decode(T.self, from: Data(json))
  } catch let error as DecodingError {
    throw SchemaError(decoding: error)
  } catch {
    throw SchemaError("", "\(error)")
  }
}

extension SchemaError {
  fileprivate init(decoding error: DecodingError) {
    switch error {
    case .keyNotFound(let key, let context):
      self.init(Self.place(context.codingPath), "\"\(key.stringValue)\" is missing")
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      self.init(Self.place(context.codingPath), context.debugDescription)
    case .dataCorrupted(let context):
      let place = Self.place(context.codingPath)
      self.init(place, place.isEmpty ? "not valid JSON" : Self.expectation(context))
    @unknown default:
      self.init("", "\(error)")
    }
  }

  private static func expectation(_ context: DecodingError.Context) -> String {
    switch context.codingPath.last?.stringValue {
    case "kind": "is one of " + Kind.allCases.map(\.rawValue).joined(separator: ", ")
    case "type": "is one of " + FieldType.allCases.map(\.rawValue).joined(separator: ", ")
    case "derive": "is one of " + Derivation.allCases.map(\.rawValue).joined(separator: ", ")
    default: context.debugDescription
    }
  }

  private static func place(_ path: [any CodingKey]) -> String {
    var place = ""
    for key in path {
      if let index = key.intValue {
        place += "[\(index)]"
      } else {
        place += (place.isEmpty ? "" : ".") + key.stringValue
      }
    }
    return place
  }
}
