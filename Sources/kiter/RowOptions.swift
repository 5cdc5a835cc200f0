import ArgumentParser
import IteratorCatalog
import RecordSchema

/// Which rows of a table are wanted, as the command line says it.
struct RowSelection {
  var pids: [UInt32] = []
  var tids: [UInt32] = []
  /// Programs chosen by their flags; empty for all.
  var programs: [String] = []
  var numbers: [String: UInt32] = [:]
  var files: [String: String] = [:]
  /// What fields must be equal to, as written.
  var filters: [String: String] = [:]
}

/// The options of a table that its schema declares: scopes, programs and parameters.
///
/// ArgumentParser finds options by reflection; this type reflects those of the schema, so they get
/// help, completion and error messages as if they had been written as properties.
struct RowOptions<Record: KernelRecord>: ParsableArguments, CustomReflectable {
  private(set) var selection = RowSelection()

  init() {}

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: OptionName.self)
    for option in Self.options {
      let name = OptionName(option.name)
      switch option.form {
      case .scope(let scope):
        let numbers = try values.decode(Option<[UInt32]>.self, forKey: name).wrappedValue
        if scope == .pid { selection.pids = numbers } else { selection.tids = numbers }
      case .program:
        if try values.decode(Flag<Bool>.self, forKey: name).wrappedValue {
          selection.programs.append(option.name)
        }
      case .flag:
        let isOn = try values.decode(Flag<Bool>.self, forKey: name).wrappedValue
        if isOn { selection.numbers[option.name] = 1 }
      case .number:
        selection.numbers[option.name] =
          try values.decode(Option<UInt32?>.self, forKey: name).wrappedValue
      case .file:
        selection.files[option.name] =
          try values.decode(Option<String?>.self, forKey: name).wrappedValue
      case .filter:
        selection.filters[option.name] =
          try values.decode(Option<String?>.self, forKey: name).wrappedValue
      }
    }
  }

  func validate() throws {
    for option in Self.options {
      guard case .number(let maximum) = option.form,
        let number = selection.numbers[option.name], number > maximum
      else { continue }
      let name = option.name.replacingUnderscores()
      throw ValidationError("--\(name) takes a number from 0 to \(maximum).")
    }
  }

  var customMirror: Mirror {
    Mirror(self, children: Self.options.map { ("_" + $0.name, $0.wrapper) })
  }

  private static var options: [SchemaOption] { SchemaOption.all(of: Record.schema) }
}

/// An option that a schema declares.
private struct SchemaOption {
  enum Form {
    case scope(Schema.Scope)
    case program, flag, file, filter
    case number(maximum: UInt32)
  }

  let name: String
  let form: Form
  let summary: String

  static func all(of schema: Schema) -> [SchemaOption] {
    let scopes = schema.scopes.map { scope in
      let what = scope == .pid ? "process" : "thread"
      return SchemaOption(
        name: scope.rawValue, form: .scope(scope), summary: "only this \(what); may be repeated")
    }
    let programs = schema.programs.compactMap { program in
      program.option.map { SchemaOption(name: program.name, form: .program, summary: $0) }
    }
    let parameters = schema.parameters.map { parameter in
      let form: Form =
        switch parameter.form {
        case .flag: .flag
        case .number: .number(maximum: parameter.maximum)
        case .file: .file
        }
      return SchemaOption(name: parameter.name, form: form, summary: parameter.summary)
    }
    let filters = schema.filters.map {
      SchemaOption(name: $0.name, form: .filter, summary: "only rows with this \($0.name)")
    }
    return scopes + programs + parameters + filters
  }

  /// What a property wrapper for the option would be.
  var wrapper: Any {
    let long = NameSpecification.customLong(name.replacingUnderscores())
    let help = ArgumentHelp(stringLiteral: summary + ".")
    return switch form {
    case .scope:
      Option<[UInt32]>(
        wrappedValue: [], name: long, parsing: .singleValue, help: valueHelp(help, name))
    case .program, .flag: Flag<Bool>(wrappedValue: false, name: long, help: help)
    case .number: Option<UInt32?>(name: long, help: valueHelp(help, "number"))
    case .file: Option<String?>(name: long, help: valueHelp(help, "file"), completion: .file())
    case .filter: Option<String?>(name: long, help: valueHelp(help, "value"))
    }
  }

  private func valueHelp(_ help: ArgumentHelp, _ value: String) -> ArgumentHelp {
    var help = help
    help.valueName = value
    return help
  }
}

/// A key of any name.
private struct OptionName: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(_ name: String) { stringValue = name }
  init?(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
