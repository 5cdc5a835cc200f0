/// Why a statement cannot be answered.
public struct QueryError: Error, CustomStringConvertible {
  /// What is wrong, on one line.
  public let message: String
  /// Where in the statement, in bytes from its start; nil if it is no one place.
  public let offset: Int?
  /// The statement.
  public let sql: String

  init(_ message: String, offset: Int? = nil, sql: String = "") {
    self.message = message
    self.offset = offset
    self.sql = sql
  }

  /// The column that SQLite cannot tell apart; nil for every other error.
  var ambiguousColumn: String? {
    let start = "ambiguous column name: "
    return message.hasPrefix(start) ? String(message.dropFirst(start.count)) : nil
  }

  /// The column that no table has; nil for every other error.
  var unknownColumn: String? {
    let start = "no such column: "
    return message.hasPrefix(start) ? String(message.dropFirst(start.count)) : nil
  }

  func suggesting(_ names: [String]) -> QueryError {
    guard !names.isEmpty else { return self }
    let list = names.map { "\"\($0)\"" }.joined(separator: " or ")
    return QueryError(message + "; did you mean \(list)?", offset: offset, sql: sql)
  }

  /// The message, and below it the place in the statement.
  public var description: String {
    guard let offset, !sql.utf8.contains(10) else { return message }
    let before = String(decoding: sql.utf8.prefix(offset), as: UTF8.self)
    return "\(message)\n  \(sql)\n  \(String(repeating: " ", count: before.count))^"
  }
}
