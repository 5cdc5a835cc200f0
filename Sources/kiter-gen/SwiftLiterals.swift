import RecordSchema

/// A Swift string literal of any text.
func literal(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"", "\\": result += "\\\(scalar)"
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}

func literal(_ text: String?) -> String { text.map { literal($0) } ?? "nil" }

func literal(_ list: [String]) -> String { "[\(list.map { literal($0) }.joined(separator: ", "))]" }

func literal(_ program: Schema.Program) -> String {
  ".init(name: \(literal(program.name)), target: \(literal(program.target)), "
    + "since: \(literal(program.since)), option: \(literal(program.option)), "
    + "locks: \(literal(program.locks)), direct: \(literal(program.direct)))"
}

func literal(_ parameter: Schema.Parameter) -> String {
  let condition = parameter.condition.map { ", condition: \(literal($0))" } ?? ""
  return ".init(name: \(literal(parameter.name)), form: .\(parameter.form.rawValue), "
    + "summary: \(literal(parameter.summary)), maximum: \(parameter.maximum)\(condition))"
}

func literal(_ owners: Schema.Owners) -> String {
  ".init(on: \(literal(owners.key)), held: .\(owners.held))"
}

func literal(_ set: Schema.NameSet) -> String {
  let values = set.values.map { value in
    let verdict = value.verdict.map { ", .\($0)" } ?? ""
    return ".init(\(literal(value.name)), \(value.value)\(verdict))"
  }
  return ".init(name: \(literal(set.name)), isFlags: \(set.isFlags), "
    + "numberMask: \(set.numberMask), values: [\(values.joined(separator: ", "))])"
}

func literal(_ field: Field) -> String {
  let type = field.type.map { ".\($0)" } ?? "nil"
  let derivation = field.derivation.map { ".\($0)" } ?? "nil"
  return "Field(name: \(literal(field.name)), type: \(type), kind: .\(field.kind), "
    + "summary: \(literal(field.summary)), source: \(literal(field.source)), "
    + "oracle: \(literal(field.oracle)), since: \(literal(field.since)), "
    + "requires: \(literal(field.requires)), isDefault: \(field.isDefault), "
    + "isHidden: \(field.isHidden), isFilter: \(field.isFilter), isCounter: \(field.isCounter), "
    + "cost: \(literal(field.cost)), title: \(literal(field.title)), names: \(literal(field.names)), "
    + "derivation: \(derivation), inputs: \(literal(field.inputs)))"
}
