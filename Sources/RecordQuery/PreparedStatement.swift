import CSQLite

/// A statement that SQLite has compiled.
final class PreparedStatement {
  private let statement: OpaquePointer
  private let database: OpaquePointer
  private let sql: String

  init(_ database: OpaquePointer, _ sql: String) throws(QueryError) {
    var prepared: OpaquePointer?
    var rest = 0
    let code = sql.withCString { text in
      var tail: UnsafePointer<CChar>?
      let code = sqlite3_prepare_v2(database, text, -1, &prepared, &tail)
      if let tail { rest = UnsafePointer(text).distance(to: tail) }
      return code
    }
    guard code == SQLITE_OK else { throw Self.error(database, sql) }
    guard let prepared else { throw QueryError("there is no statement") }
    statement = prepared
    self.database = database
    self.sql = sql
    let isMore = sql.utf8.dropFirst(rest).contains { $0 > 32 && $0 != UInt8(ascii: ";") }
    guard sqlite3_stmt_readonly(prepared) != 0 else {
      throw QueryError("a statement can only read", sql: sql)
    }
    if isMore { throw QueryError("only one statement is taken", offset: rest, sql: sql) }
  }

  deinit { sqlite3_finalize(statement) }

  /// The number of result columns.
  var count: Int { Int(sqlite3_column_count(statement)) }

  func name(_ column: Int) -> String {
    sqlite3_column_name(statement, Int32(column)).map { String(cString: $0) } ?? ""
  }

  /// The declared type of the table's column that a result is; nil for an expression.
  func declaredType(_ column: Int) -> String? {
    sqlite3_column_decltype(statement, Int32(column)).map { String(cString: $0) }
  }

  /// Goes to the next row.
  ///
  /// - Returns: false behind the last.
  /// - Throws: `QueryError`.
  func step() throws(QueryError) -> Bool {
    switch sqlite3_step(statement) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default: throw Self.error(database, sql)
    }
  }

  func type(_ column: Int) -> Int32 { sqlite3_column_type(statement, Int32(column)) }
  func integer(_ column: Int) -> Int64 { sqlite3_column_int64(statement, Int32(column)) }
  func real(_ column: Int) -> Double { sqlite3_column_double(statement, Int32(column)) }

  /// A text's bytes, valid until the next step.
  func bytes(_ column: Int) -> UnsafeRawBufferPointer {
    let start = sqlite3_column_blob(statement, Int32(column))
    // SAFETY: SQLite gives the value's start and size.
    return UnsafeRawBufferPointer(
      start: start, count: Int(sqlite3_column_bytes(statement, Int32(column))))
  }

  func text(_ column: Int) -> String? {
    type(column) == SQLITE_NULL ? nil : String(decoding: bytes(column), as: UTF8.self)
  }

  private static func error(_ database: OpaquePointer, _ sql: String) -> QueryError {
    if sqlite3_errcode(database) == SQLITE_NOMEM {
      let limit = QueryDatabase.memoryLimit >> 30
      return QueryError(
        "the statement needs more than \(limit) GiB of memory; make it see fewer rows (WHERE, LIMIT)"
      )
    }
    if sqlite3_errcode(database) == SQLITE_INTERRUPT {
      return QueryError("the statement was ended: its time is over")
    }
    let offset = Int(sqlite3_error_offset(database))
    return QueryError(
      String(cString: sqlite3_errmsg(database)), offset: offset >= 0 ? offset : nil, sql: sql)
  }
}
