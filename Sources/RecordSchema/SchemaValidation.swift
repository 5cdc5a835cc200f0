extension Schema {
  /// Checks what JSON's own types cannot say.
  ///
  /// - Throws: `SchemaError` for the first rule that is broken.
  public func validate() throws(SchemaError) {
    try requireName(name, "name")
    if programs.isEmpty { throw SchemaError("programs", "a table needs at least one program") }
    for program in programs { try requireName(program.name, "programs \"\(program.name)\"") }
    for parameter in parameters {
      try requireName(parameter.name, "parameters \"\(parameter.name)\"")
    }
    if columns.isEmpty { throw SchemaError("fields", "a table needs at least one column") }
    var seen: Set<String> = []
    for (index, field) in fields.enumerated() {
      let place = "fields[\(index)] \"\(field.name)\""
      try requireName(field.name, place)
      if !seen.insert(field.name).inserted { throw SchemaError(place, "is there twice") }
      try validate(field, place)
    }
    if key.isEmpty { throw SchemaError("key", "a table needs a field that tells its rows apart") }
    for key in key where field(key)?.type == nil || field(key)?.isHidden == true {
      throw SchemaError("key", "no stored column \"\(key)\"")
    }
    if let owners { try validate(owners) }
    for set in names {
      for value in set.values { try requireNameOfValue(value.name, "names \"\(set.name)\"") }
    }
    try requireOneLine(summary, "summary")
    if storedFields.count > RecordLayout.maximumFields {
      throw SchemaError("fields", "at most \(RecordLayout.maximumFields) stored fields")
    }
  }

  private func validate(_ owners: Owners) throws(SchemaError) {
    switch field(owners.key)?.type {
    case .u32, .u64: break
    default: throw SchemaError("owners", "\"\(owners.key)\" is no stored u32 or u64")
    }
    if let field = OwnerColumn.fields.first(where: { field($0.name) != nil }) {
      throw SchemaError("owners", "the field \"\(field.name)\" would be there twice")
    }
    if RecordLayout(self).words != RecordLayout(withOwners).words {
      throw SchemaError("owners", "there is no room for the owners' fields in the masks")
    }
  }

  private func validate(_ field: Field, _ place: String) throws(SchemaError) {
    if field.summary.isEmpty { throw SchemaError(place, "needs a summary") }
    if field.source.isEmpty { throw SchemaError(place, "needs its kernel source") }
    if field.oracle.isEmpty { throw SchemaError(place, "needs an oracle, or \"none: why\"") }
    try requireOneLine(field.summary, place)
    try requireOneLine(field.title ?? "", place)
    switch (field.type, field.derivation) {
    case (nil, nil): throw SchemaError(place, "needs a \"type\", or \"derive\" and \"from\"")
    case (.some, .some): throw SchemaError(place, "has both \"type\" and \"derive\"")
    case (.some, nil): break
    case (nil, let derivation?): try validate(field, derivation, place)
    }
    if field.type == .value { throw SchemaError(place, "no program writes the type \"value\"") }
    if field.kind == .json && field.derivation == nil {
      throw SchemaError(place, "JSON is derived: bytes of a record may be anything")
    }
    if field.isFilter { try validateFilter(field, place) }
    if field.isCounter && !field.kind.isAmount {
      throw SchemaError(place, "a counter is an amount: of things, bytes or time")
    }
    let needsNames = field.kind == .enumeration || field.kind == .flags
    guard needsNames else { return }
    guard let set = names.first(where: { $0.name == field.names }) else {
      throw SchemaError(place, "\"names\" must name an enum or a flag set of this schema")
    }
    if set.isFlags != (field.kind == .flags) {
      throw SchemaError(place, "kind and names disagree: one is an enum, the other flags")
    }
  }

  private func validateFilter(_ field: Field, _ place: String) throws(SchemaError) {
    switch field.type {
    case nil, .ip?, .value?, .u32List?, .u64List?:
      throw SchemaError(place, "only a stored number or text can be a filter")
    default: break
    }
    if !field.requires.isEmpty {
      throw SchemaError(place, "a filter must be known on every kernel")
    }
  }

  private func validate(_ field: Field, _ derivation: Derivation, _ place: String)
    throws(SchemaError)
  {
    if field.inputs.count != derivation.inputCount {
      throw SchemaError(
        place, "\"\(derivation.rawValue)\" derives from \(derivation.inputCount) fields")
    }
    for input in field.inputs where self.field(input)?.type == nil {
      throw SchemaError(place, "derives from \"\(input)\", which is no stored field")
    }
  }

  /// Texts that are shown as they are must not speak to a terminal.
  private func requireOneLine(_ text: String, _ place: String) throws(SchemaError) {
    let isSpeaking = text.unicodeScalars.contains { scalar in
      [.control, .format, .lineSeparator, .paragraphSeparator].contains(
        scalar.properties.generalCategory)
    }
    if isSpeaking { throw SchemaError(place, "a text has no control characters") }
  }

  private func requireNameOfValue(_ name: String, _ place: String) throws(SchemaError) {
    if name.isEmpty || !name.utf8.allSatisfy(isNameByte) {
      throw SchemaError(place, "\"\(name)\": a value's name has lower-case letters, digits and _")
    }
  }

  private func requireName(_ name: String, _ place: String) throws(SchemaError) {
    let first = name.utf8.first ?? 0
    let isName =
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first)
      && name.utf8.allSatisfy(isNameByte)
    if !isName {
      throw SchemaError(place, "a name has lower-case letters, digits and _, a letter first")
    }
  }
}

private func isNameByte(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
}
