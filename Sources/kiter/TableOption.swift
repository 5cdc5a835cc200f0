/// An option of the tables' commands, as both readers of a command line take it.
///
/// This is the one place where an option is made: `FastArguments` and ArgumentParser (through
/// `ReflectedOptions`) both read lists of these, and differ only in how they cut a command line.
struct TableOption: Sendable {
  /// What it takes.
  enum Form: Equatable, Sendable {
    case flag, text, columns, number, seconds, file
    case choice([String])
  }

  /// The long name, without its dashes.
  let name: String
  var short: Character?
  let form: Form
  /// What help calls its value.
  var valueName = ""
  /// One sentence for help.
  let summary: String
  /// Does a second one add to the first? Else the last one counts.
  var isRepeatable = false
  /// Takes it whatever follows, even if that begins with a dash?
  var takesDashes = false
  /// Stores one value's text; a flag's is empty.
  let store: @Sendable (_ text: String, _ arguments: inout TableArguments) throws -> Void
}

extension TableOption {
  static func flag(
    _ name: String, short: Character? = nil, _ summary: String,
    set: @escaping @Sendable (inout TableArguments) throws -> Void
  ) -> TableOption {
    TableOption(name: name, short: short, form: .flag, summary: summary) { try set(&$1) }
  }

  static func text(
    _ name: String, short: Character? = nil, value: String, _ summary: String,
    takesDashes: Bool = false, set: @escaping @Sendable (inout TableArguments, String) -> Void
  ) -> TableOption {
    TableOption(
      name: name, short: short, form: .text, valueName: value, summary: summary,
      takesDashes: takesDashes
    ) { set(&$1, $0) }
  }

  /// A list of columns.
  static func columns(
    _ name: String, short: Character? = nil, _ summary: String, takesDashes: Bool = false,
    set: @escaping @Sendable (inout TableArguments, String) -> Void
  ) -> TableOption {
    TableOption(
      name: name, short: short, form: .columns, valueName: "list", summary: summary,
      takesDashes: takesDashes
    ) { set(&$1, $0) }
  }

  static func file(
    _ name: String, _ summary: String,
    set: @escaping @Sendable (inout TableArguments, String) -> Void
  ) -> TableOption {
    TableOption(name: name, form: .file, valueName: "file", summary: summary) { set(&$1, $0) }
  }

  static func number(
    _ name: String, value: String, maximum: UInt32 = .max, _ summary: String,
    isRepeatable: Bool = false, set: @escaping @Sendable (inout TableArguments, UInt32) -> Void
  ) -> TableOption {
    TableOption(
      name: name, form: .number, valueName: value, summary: summary, isRepeatable: isRepeatable
    ) { text, arguments in
      guard let number = UInt32(text), number <= maximum else {
        throw UsageError(description: "--\(name) takes a number from 0 to \(maximum)")
      }
      set(&arguments, number)
    }
  }

  /// Takes seconds with decimals, and stores thousandths.
  static func seconds(
    _ name: String, _ summary: String,
    set: @escaping @Sendable (inout TableArguments, UInt32) -> Void
  ) -> TableOption {
    TableOption(name: name, form: .seconds, valueName: "seconds", summary: summary) {
      text, arguments in
      let isDecimal = text.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (48...57).contains($0) }
      guard isDecimal, let seconds = Double(text), (0.1...86_400).contains(seconds) else {
        throw UsageError(description: "--\(name) takes seconds, from 0.1 to 86400")
      }
      set(&arguments, UInt32((seconds * 1000).rounded()))
    }
  }

  static func choice<Choice: CaseIterable & RawRepresentable<String> & Sendable>(
    _ name: String, short: Character? = nil, _ summary: String,
    set: @escaping @Sendable (inout TableArguments, Choice) -> Void
  ) -> TableOption {
    let values = Choice.allCases.map { $0.rawValue }
    return TableOption(
      name: name, short: short, form: .choice(values), valueName: name, summary: summary
    ) { text, arguments in
      guard let choice = Choice(rawValue: text) else {
        throw UsageError(description: "--\(name) takes \(values.joined(separator: ", "))")
      }
      set(&arguments, choice)
    }
  }
}

/// A command line that cannot be meant.
struct UsageError: Error, CustomStringConvertible {
  let description: String
}
