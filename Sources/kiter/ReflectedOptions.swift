import ArgumentParser
import IteratorCatalog

/// A list of options that stands together in help.
protocol OptionList {
  static var options: [TableOption] { get }
}

/// The options that a table's schema declares.
enum RowOptionList<Record: KernelRecord>: OptionList {
  static var options: [TableOption] { RowSelection.options(of: Record.schema) }
}

/// The options that every table has.
enum OutputOptionList: OptionList {
  static var options: [TableOption] { OutputOptions.options }
}

/// The options that ask of a table what SQL could, too.
enum QueryOptionList: OptionList {
  static var options: [TableOption] { QueryOptions.options }
}

/// The options that show rows again and again.
enum WatchOptionList: OptionList {
  static var options: [TableOption] { WatchOptions.options }
}

/// The options of whatever gives rows with columns of their own.
enum ResultOptionList: OptionList {
  static var options: [TableOption] { OutputOptions.options.filter { $0.name != "columns" } }
}

/// Presents options to ArgumentParser.
///
/// ArgumentParser finds options by reflection; this type reflects those of a list, so they get
/// help, completion and error messages as if they had been written as properties.
struct ReflectedOptions<List: OptionList>: ParsableArguments, CustomReflectable {
  /// What was given for each option of the list.
  private(set) var given: [[String]] = []

  init() {}

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: OptionName.self)
    given = try List.options.map { option in
      let name = OptionName(option.name)
      if option.form == .flag {
        return try values.decode(Flag<Bool>.self, forKey: name).wrappedValue ? [""] : []
      }
      if option.isRepeatable {
        return try values.decode(Option<[String]>.self, forKey: name).wrappedValue
      }
      return try values.decode(Option<String?>.self, forKey: name).wrappedValue.map { [$0] } ?? []
    }
  }

  var customMirror: Mirror {
    Mirror(self, children: List.options.map { ("_" + $0.name, $0.wrapper) })
  }
}

extension TableOption {
  /// What a property wrapper for the option would be.
  fileprivate var wrapper: Any {
    if form == .flag { return Flag<Bool>(wrappedValue: false, name: names, help: help) }
    let parsing: SingleValueParsingStrategy = takesDashes ? .unconditional : .next
    if isRepeatable {
      return Option<[String]>(
        wrappedValue: [], name: names, parsing: .singleValue, help: help, completion: completion,
        transform: checked)
    }
    return Option<String?>(
      name: names, parsing: parsing, help: help, completion: completion, transform: checked)
  }

  private var names: NameSpecification {
    let long = NameSpecification.Element.customLong(name)
    guard let short else { return [long] }
    return [.customShort(short, allowingJoined: form != .flag), long]
  }

  private var help: ArgumentHelp {
    ArgumentHelp(stringLiteral: summary).named(form == .flag ? nil : valueName)
  }

  private var completion: CompletionKind? {
    switch form {
    case .choice(let values): .list(values)
    case .file: .file()
    case .columns: .custom { words, _, prefix in ColumnCompletion.lists(words, prefix) }
    case .flag, .text, .number, .seconds: nil
    }
  }

  /// A value's text as it is, if it can be stored.
  private func checked(_ text: String) throws -> String {
    var scratch = TableArguments()
    try store(text, &scratch)
    return text
  }
}

extension ArgumentHelp {
  fileprivate func named(_ value: String?) -> ArgumentHelp {
    var help = self
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
