import ArgumentParser
import IteratorCatalog
import RecordSchema

/// The subcommand of a table: everything about it comes from its schema.
struct TableCommand<Record: KernelRecord>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: Record.schema.name.replacingUnderscores(),
      abstract: Record.schema.summary + ".",
      discussion: "Columns (* shown by default):\n" + columnHelp(Record.schema))
  }

  @OptionGroup(title: "Rows") var rows: ReflectedOptions<RowOptionList<Record>>
  @OptionGroup(title: "Query") var query: ReflectedOptions<QueryOptionList>
  @OptionGroup(title: "Watch") var watch: ReflectedOptions<WatchOptionList>
  @OptionGroup(title: "Output") var output: ReflectedOptions<OutputOptionList>

  func validate() throws {
    do { _ = try arguments } catch let error as UsageError {
      throw ValidationError(error.description)
    }
  }

  func run() throws { try TableRun(Record.self, arguments).run() }

  /// What the command line asks for, as `FastArguments` gives it too.
  var arguments: TableArguments {
    get throws {
      try TableArguments(
        TableArguments.options(of: Record.schema),
        given: rows.given + query.given + watch.given + output.given)
    }
  }
}

/// A line for each column: its name and what it is, on as many lines of 80 as it takes.
private func columnHelp(_ schema: Schema) -> String {
  let width = schema.columns.map(\.name.utf8.count).max() ?? 0
  return schema.columns.map { field in
    let padding = String(repeating: " ", count: width - field.name.utf8.count)
    let summary = wrapped(
      field.summary + (field.isCounter ? "; a counter" : ""), indent: width + 4, width: 79)
    return "\(field.isDefault ? "*" : " ") \(field.name)\(padding)  \(summary)"
  }.joined(separator: "\n")
}

/// Breaks a text that begins at column `indent` so that no line passes `width`.
///
/// By bytes: ArgumentParser asks for the help of every table even to parse a command line.
private func wrapped(_ text: String, indent: Int, width: Int) -> String {
  var result = ""
  var column = indent
  for word in text.utf8.split(separator: UInt8(ascii: " ")) {
    if column > indent && column + 1 + word.count > width {
      result += "\n" + String(repeating: " ", count: indent)
      column = indent
    } else if column > indent {
      result += " "
      column += 1
    }
    result += Substring(word)
    column += word.count
  }
  return result
}

extension String {
  /// `map_elements` -> `map-elements`: commands and options have dashes.
  func replacingUnderscores() -> String {
    let underscore = UInt8(ascii: "_")
    return String(decoding: utf8.map { $0 == underscore ? UInt8(ascii: "-") : $0 }, as: UTF8.self)
  }
}
