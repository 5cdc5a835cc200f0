import FoundationEssentials

extension Schema {
  /// Reads `schemas/NAME.json`, with the name sets that tables share.
  ///
  /// - Throws: `SchemaError` that names the place and what would be right.
  public init(json: [UInt8], shared: [NameSet] = []) throws(SchemaError) {
    try self.init(try decodeJSON(json), shared)
  }

  /// Reads the schema that records were written with, by this version of kiter or another one.
  ///
  /// What this version does not know, and what records can be read without, is left out: ways to
  /// derive a field, options of the program. A value of a kind that it does not know is a plain
  /// number or text.
  ///
  /// - Throws: `SchemaError` for a field that is stored in a way which this version does not know,
  ///   and as the other.
  public init(ofRecords json: [UInt8]) throws(SchemaError) {
    try self.init(try decodeJSON(json, isTolerant: true), [])
  }

  private init(_ file: SchemaFile, _ shared: [NameSet]) throws(SchemaError) {
    self.init(
      name: file.name, version: file.version, summary: file.summary,
      programs: file.programs.map {
        Program(
          name: $0.name, target: $0.target, since: $0.since, option: $0.option,
          locks: $0.locks, direct: $0.direct)
      },
      scopes: (file.scopes ?? []).compactMap(\.value),
      parameters: (file.parameters ?? []).compactMap { parameter in
        parameter.type.value.map {
          Parameter(
            name: parameter.name, form: $0, summary: parameter.summary,
            maximum: parameter.maximum ?? .max, condition: parameter.where)
        }
      },
      key: file.key,
      owners: file.owners.flatMap { owners in
        owners.held.value.map { Owners(on: owners.on, held: $0) }
      },
      names: try NameSet.sets(file.names ?? [:]),
      fields: file.fields.compactMap(\.field))
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
      let verdicts = names.verdicts ?? [:]
      if let other = verdicts.keys.sorted().first(where: { values[$0] == nil }) {
        throw SchemaError("names \"\(name)\"", "has no \"\(other)\" for a verdict")
      }
      sets.append(
        Self(
          name: name, isFlags: names.flags != nil, numberMask: names.number_mask ?? 0,
          values: values.map { Value($0.key, $0.value, verdicts[$0.key]) }
            .sorted { inOrder($0, $1, numberMask: names.number_mask ?? 0) }))
    }
    return sets
  }
}

/// Numbers first, by value; then flags, of which the widest must be looked for first (O_SYNC holds
/// O_DSYNC); of two names for one value, always the same one.
private func inOrder(
  _ a: Schema.NameSet.Value, _ b: Schema.NameSet.Value, numberMask: UInt64
) -> Bool {
  func rank(_ value: Schema.NameSet.Value) -> (Int, UInt64, String) {
    let isNumber = value.value & ~numberMask == 0
    return (isNumber ? 0 : 64 - value.value.nonzeroBitCount, value.value, value.name)
  }
  return rank(a) < rank(b)
}

private func decodeJSON<T: Decodable>(_ json: [UInt8], isTolerant: Bool = false)
  throws(SchemaError) -> T
{
  do {
    let decoder = JSONDecoder()
    decoder.userInfo[isTolerantKey] = isTolerant
    return try decoder.decode(T.self, from: Data(json))
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
