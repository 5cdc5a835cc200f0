import IteratorCatalog
import RecordSchema

/// What a shell offers behind `--columns`, `--sort` and `--count-by`: each column that the list does
/// not have yet, put behind it.
enum ColumnCompletion {
  /// The lists that can come of what is typed so far.
  ///
  /// - Parameters:
  ///   - words: the command line; the table's name is among them.
  ///   - prefix: the list so far; its last name may be unfinished.
  /// - Returns: whole lists, as a shell replaces the word.
  static func lists(_ words: [String], _ prefix: String) -> [String] {
    guard let schema = schema(in: words) else { return [] }
    let end = prefix.lastIndex(of: ",").map { prefix.index(after: $0) } ?? prefix.startIndex
    let unfinished = prefix[end...]
    let sign = unfinished.prefix { $0 == "+" || $0 == "-" }
    let given = prefix[..<end].split(separator: ",").map { $0.drop { $0 == "+" || $0 == "-" } }
    let names = schema.columns.map(\.name).filter { name in
      name.hasPrefix(unfinished.dropFirst(sign.count)) && !given.contains { $0 == name }
    }
    return names.map { prefix[..<end] + sign + $0 }
  }

  /// The schema of the table that a command line names, or of the file.
  private static func schema(in words: [String]) -> Schema? {
    if let path = RunCommand.schemaPath(in: words) { return try? SchemaSource(path).schema }
    return Catalog.tables.first { words.contains($0.schema.name) }?.schema
  }
}
