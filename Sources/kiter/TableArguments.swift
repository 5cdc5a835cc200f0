import IteratorCatalog
import RecordSchema

/// What a command line asks of a table.
struct TableArguments: Equatable {
  var rows = RowSelection()
  var query = QueryOptions()
  var watch = WatchOptions()
  var output = OutputOptions()

  init() {}

  /// Stores what was given for each option, in the order of the options: the order on the command
  /// line means nothing.
  ///
  /// - Throws: `UsageError`.
  init(_ options: [TableOption], given: [[String]]) throws {
    for (option, texts) in zip(options, given) {
      for text in texts { try option.store(text, &self) }
    }
  }

  /// The options of a table's command.
  static func options(of schema: Schema) -> [TableOption] {
    RowSelection.options(of: schema) + QueryOptions.options + WatchOptions.options
      + OutputOptions.options
  }
}
