import IteratorCatalog

/// Reads the ordinary command lines of tables, so that they need not wait for ArgumentParser, which
/// takes longer than all else that kiter does.
///
/// It accepts or declines, and never reports: whatever is rare, odd or wrong is declined and left to
/// ArgumentParser, which for each accepted command line would give the same arguments.
enum FastArguments {
  /// A table's command.
  struct Command {
    let table: any KernelRecord.Type
    let arguments: TableArguments
  }

  private static var dash: UInt8 { UInt8(ascii: "-") }
  private static var equals: UInt8 { UInt8(ascii: "=") }

  /// Reads the words behind the program's name; nil declines.
  static func command(_ words: ArraySlice<String>) -> Command? {
    guard let name = words.first, let table = Catalog.table(command: name),
      let arguments = arguments(words.dropFirst(), TableArguments.options(of: table.schema))
    else { return nil }
    return Command(table: table, arguments: arguments)
  }

  /// Reads the ordinary form of `kiter run`: `run OBJECT --schema FILE` and a table's options.
  ///
  /// The schema has been read. Nil declines.
  static func run(_ words: [String]) -> OutsideRun? {
    guard words.count >= 4, words[0] == "run", words[2] == "--schema",
      [words[1], words[3]].allSatisfy({ $0.utf8.first ?? dash != dash }),
      let arguments = arguments(words[4...], TableArguments.options(of: OutsideRecord.schema))
    else { return nil }
    return OutsideRun(words[1], words[3], arguments)
  }

  private static func arguments(_ words: ArraySlice<String>, _ options: [TableOption])
    -> TableArguments?
  {
    var given = [[String]](repeating: [], count: options.count)
    var rest = words
    while let word = rest.popFirst() {
      guard let (index, joined) = match(word, options) else { return nil }
      let option = options[index]
      guard option.isRepeatable || given[index].isEmpty else { return nil }
      if option.form == .flag {
        guard joined == nil else { return nil }
        given[index].append("")
      } else {
        guard let text = joined ?? rest.popFirst().flatMap({ isValue($0, option) ? $0 : nil }),
          !text.isEmpty
        else { return nil }
        given[index].append(text)
      }
    }
    return try? TableArguments(options, given: given)
  }

  /// The option that a word names, and the value if the word holds it: `--name`, `--name=value`,
  /// `-n`, `-nvalue`.
  private static func match(_ word: String, _ options: [TableOption]) -> (Int, String?)? {
    let bytes = word.utf8.dropFirst()
    guard word.utf8.first == dash, let short = bytes.first else { return nil }
    if short == dash {
      let name = bytes.dropFirst().prefix { $0 != equals }
      let index = options.firstIndex { $0.name.utf8.elementsEqual(name) }
      return joined(
        index, name.endIndex == bytes.endIndex ? nil : bytes[name.endIndex...].dropFirst())
    }
    let index = options.firstIndex { $0.short?.asciiValue == short }
    let rest = bytes.dropFirst()
    // ArgumentParser takes what stands before an equals sign for a name.
    return rest.contains(equals) ? nil : joined(index, rest.isEmpty ? nil : rest)
  }

  /// Declines a value whose first character might join with the one before.
  private static func joined(_ index: Int?, _ value: Substring.UTF8View?) -> (Int, String?)? {
    guard let index, value?.first ?? 0 < 0x80 else { return nil }
    return (index, value.map { String(Substring($0)) })
  }

  /// Is the word behind an option its value, and not an option itself?
  private static func isValue(_ word: String, _ option: TableOption) -> Bool {
    guard word.utf8.first == dash else { return true }
    return option.takesDashes && word.utf8.count > 2 && !word.hasPrefix("--")
  }
}
