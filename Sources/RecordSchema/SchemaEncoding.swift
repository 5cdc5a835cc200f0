import FoundationEssentials

extension Schema {
  /// The schema as `schemas/NAME.json` would have it, with its name sets: what reads it back is
  /// `init(ofRecords:)`.
  public var json: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Texts and numbers only: nothing in it can fail to be encoded.
    guard let data = try? encoder.encode(SchemaFile(self)) else { return [] }
    return Array(data)
  }
}

extension SchemaFile {
  fileprivate init(_ schema: Schema) {
    name = schema.name
    version = schema.version
    summary = schema.summary
    programs = schema.programs.map {
      Program(
        name: $0.name, target: $0.target, since: $0.since, option: $0.option, locks: $0.locks,
        direct: $0.direct)
    }
    scopes = schema.scopes.map { Named($0) }
    parameters = schema.parameters.map {
      Parameter(
        name: $0.name, type: Named($0.form), summary: $0.summary, maximum: $0.maximum,
        where: $0.condition)
    }
    key = schema.key
    owners = schema.owners.map { Owners(on: $0.key, held: Named($0.held)) }
    names = Dictionary(schema.names.map { ($0.name, Names($0)) }) { first, _ in first }
    fields = schema.fields.map { Entry($0) }
  }
}

extension SchemaFile.Names {
  fileprivate init(_ set: Schema.NameSet) {
    let values = Dictionary(set.values.map { ($0.name, $0.value) }) { first, _ in first }
    self.enum = set.isFlags ? nil : values
    flags = set.isFlags ? values : nil
    number_mask = set.numberMask == 0 ? nil : set.numberMask
    let judged = set.values.compactMap { value in value.verdict.map { (value.name, $0) } }
    verdicts = judged.isEmpty ? nil : Dictionary(judged) { first, _ in first }
  }
}

extension SchemaFile.Entry {
  fileprivate init(_ field: Field) {
    name = field.name
    type = field.type
    kind = Named(field.kind)
    summary = field.summary
    source = field.source
    oracle = field.oracle
    since = field.since
    requires = field.requires.isEmpty ? nil : field.requires
    self.default = field.isDefault ? true : nil
    hidden = field.isHidden ? true : nil
    filter = field.isFilter ? true : nil
    counter = field.isCounter ? true : nil
    cost = field.cost
    title = field.title
    names = field.names
    derive = field.derivation.map { Named($0) }
    from = field.inputs.isEmpty ? nil : field.inputs
  }
}
