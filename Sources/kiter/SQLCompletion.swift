import RecordQuery
import RecordSchema

/// What the shell of `kiter sql` offers behind a tab.
struct SQLCompletion {
  private let schemas: [Schema]
  private let keywords = QueryDatabase.keywords

  init(_ tables: [QueryTable]) { schemas = tables.map(\.schema) }

  /// Completes a word.
  ///
  /// - Parameters:
  ///   - unfinished: the word so far; a column may stand behind its table's name and a dot.
  ///   - statement: all that has been typed: columns are those of the tables in it, if any.
  /// - Returns: what the word may become: the shell's commands where a statement begins with a dot,
  ///   otherwise columns, tables and words of SQL.
  func words(for unfinished: String, in statement: String) -> [String] {
    if statement.hasPrefix(".") {
      let words = statement == unfinished ? SQLShell.commands : schemas.map(\.name)
      return words.filter { $0.hasPrefix(unfinished) }
    }
    if let dot = unfinished.lastIndex(of: ".") {
      let table = unfinished[..<dot]
      let columns = schemas.first { $0.name == table }?.columns ?? []
      return columns.map { "\(table).\($0.name)" }.filter { $0.hasPrefix(unfinished) }
    }
    let isLower = unfinished.contains { $0.isLowercase }
    let language = keywords.map { isLower ? $0.lowercased() : $0 }
    let names = columns(in: statement) + schemas.map(\.name)
    return Set(names + language).filter { $0.hasPrefix(unfinished) }.sorted()
  }

  private func columns(in statement: String) -> [String] {
    let typed = Set(statement.split { !($0.isLetter || $0.isNumber || $0 == "_") })
    let named = schemas.filter { typed.contains($0.name[...]) }
    return (named.isEmpty ? schemas : named).flatMap { $0.columns.map(\.name) }
  }
}
