import CSQLite
public import RecordSchema

/// An SQLite database without a file, whose tables are read from elsewhere when a statement asks.
///
/// It can only read: no file is opened, attached or written, and nothing is loaded into it.
public final class QueryDatabase {
  private let database: OpaquePointer
  let session: QuerySession

  /// Opens a database.
  ///
  /// - Parameters:
  ///   - tables: what it knows; each is read when a statement needs it, and once for that statement.
  ///   - host: where derived fields find what records do not hold.
  /// - Throws: `QueryError`.
  public init(tables: [QueryTable], host: HostFacts) throws(QueryError) {
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX
    let code = sqlite3_open_v2(":memory:", &opened, flags, nil)
    guard code == SQLITE_OK, let opened else {
      throw QueryError("opening SQLite failed: \(String(cString: sqlite3_errstr(code)))")
    }
    database = opened
    session = QuerySession(tables.map { SessionTable($0, host: host) })
    session.register(with: database)
    lock()
  }

  deinit { sqlite3_close_v2(database) }

  /// What SQLite may take of memory for all that it sorts, groups and keeps apart, in bytes; what the
  /// tables hold is not part of it. The limit is the whole process's.
  public static let memoryLimit: Int64 = 1 << 30

  /// What the last statement did not see as it is.
  public var notes: [QueryNote] { session.tables.flatMap(\.notes) }

  /// Until when statements may run, in nanoseconds of CLOCK_MONOTONIC; nil for as long as they take.
  /// Behind it a statement ends with a `QueryError`, but not while the kernel walks a table.
  public var deadline: UInt64? {
    get { session.deadline }
    set {
      session.deadline = newValue
      let instructions: Int32 = 10_000
      // SAFETY: the session lives as long as the database.
      sqlite3_progress_handler(
        database, newValue == nil ? 0 : instructions, QuerySession.isOverdue,
        Unmanaged.passUnretained(session).toOpaque())
    }
  }

  /// Does a text end with a semicolon that ends a statement, and is no part of a string or comment?
  public static func isComplete(_ sql: String) -> Bool { sqlite3_complete(sql) != 0 }

  /// The words of SQLite's language, in capitals.
  public static var keywords: [String] {
    (0..<sqlite3_keyword_count()).compactMap { number in
      var name: UnsafePointer<CChar>?
      var length: Int32 = 0
      guard sqlite3_keyword_name(number, &name, &length) == SQLITE_OK, let name else { return nil }
      // SAFETY: SQLite's own text, of so many bytes and no NUL.
      let bytes = UnsafeRawBufferPointer(start: name, count: Int(length))
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// Prepares a statement; running it begins with the first row.
  ///
  /// - Throws: `QueryError` that points at what is wrong.
  public func prepare(_ sql: String) throws(QueryError) -> QueryStatement {
    session.begin()
    var choices: [String] = []
    let sql = try qualified(sql, &choices)
    var statement = try PreparedStatement(database, sql)
    if session.markShared(try openedTables(sql)) {
      // Planned anew: all uses of a table see the same rows, so none may narrow its walk.
      statement = try PreparedStatement(database, sql)
    }
    return QueryStatement(statement, session, choices: choices)
  }

  /// The statement with each ambiguous column given to the first of the tables that have it.
  ///
  /// Tables repeat what identifies a process (`files` has its `comm`), so that a join of two would be
  /// ambiguous where both mean the same. Two uses of one table stay ambiguous: they differ.
  private func qualified(_ sql: String, _ choices: inout [String]) throws(QueryError) -> String {
    var sql = sql
    while true {
      do throws(QueryError) {
        _ = try PreparedStatement(database, sql)
        return sql
      } catch {
        if let name = error.unknownColumn { throw error.suggesting(columns(near: name)) }
        guard let name = error.ambiguousColumn, choices.count < 64,
          let better = tablesNamed(in: sql, with: name).lazy.compactMap({ table in
            self.prefixing(error, with: table)
          }).first
        else { throw error }
        choices.append(better.choice)
        sql = better.sql
      }
    }
  }

  private func columns(near name: String) -> [String] {
    let bare = name.split(separator: ".").last.map(String.init) ?? name
    let all = session.tables.flatMap { $0.columns.map(\.name) }
    return nearestNames(to: bare, in: Array(Set(all)).sorted())
  }

  /// The tables that have a column, in the order in which the statement names them.
  private func tablesNamed(in sql: String, with column: String) -> [String] {
    let words = sql.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map { $0.lowercased() }
    let tables = session.tables.filter { $0.schema.field(column) != nil }.map(\.schema.name)
    return tables.compactMap { name in words.firstIndex(of: name).map { ($0, name) } }
      .sorted { $0.0 < $1.0 }.map(\.1)
  }

  /// The statement with a table before the column that an error is about; nil if that is as wrong.
  private func prefixing(_ error: QueryError, with table: String) -> (sql: String, choice: String)?
  {
    guard let offset = error.offset, let column = error.ambiguousColumn else { return nil }
    let bytes = Array(error.sql.utf8)
    let sql = String(
      decoding: bytes[..<offset] + Array("\(table).".utf8) + bytes[offset...], as: UTF8.self)
    do throws(QueryError) { _ = try PreparedStatement(database, sql) } catch {
      guard let next = error.offset, next > offset + table.utf8.count else { return nil }
    }
    return (sql, "\(column) is taken from \(table)")
  }

  /// The tables that a statement opens, once for each use: EXPLAIN shows "vtab:" and their address.
  private func openedTables(_ sql: String) throws(QueryError) -> [UInt] {
    let explain = try PreparedStatement(database, "EXPLAIN " + explained(sql))
    var tables: [UInt] = []
    while (try? explain.step()) == true {
      guard explain.text(1) == "VOpen", let table = explain.text(5)?.split(separator: ":").last
      else { continue }
      if let address = UInt(table.drop { $0 == "0" || $0 == "x" }, radix: 16) {
        tables.append(address)
      }
    }
    return tables
  }

  /// What an EXPLAIN is about; any other statement itself.
  private func explained(_ sql: String) -> Substring {
    var rest = sql[...]
    for word in ["EXPLAIN", "QUERY", "PLAN"] {
      let next = rest.drop { $0.isWhitespace }
      guard next.prefix(word.count).uppercased() == word else { break }
      rest = next.dropFirst(word.count)
    }
    return rest
  }

  /// Leaves a statement nothing but to read.
  private func lock() {
    sqlite3_hard_heap_limit64(Self.memoryLimit)
    // Sorting would write files otherwise.
    sqlite3_exec(database, "PRAGMA temp_store=MEMORY", nil, nil, nil)
    for (option, value) in [
      (SQLITE_DBCONFIG_DEFENSIVE, 1), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
      (SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0), (SQLITE_DBCONFIG_DQS_DML, 0),
    ] { kiter_sqlite_configure(database, option, Int32(value)) }
    for (limit, value) in [
      (SQLITE_LIMIT_ATTACHED, 0), (SQLITE_LIMIT_LENGTH, 16 << 20),
      (SQLITE_LIMIT_SQL_LENGTH, 64 << 10),
      (SQLITE_LIMIT_EXPR_DEPTH, 100), (SQLITE_LIMIT_COMPOUND_SELECT, 50),
      (SQLITE_LIMIT_COLUMN, 250), (SQLITE_LIMIT_WORKER_THREADS, 0),
    ] { sqlite3_limit(database, limit, Int32(value)) }
    // SAFETY: the session lives as long as the database.
    sqlite3_set_authorizer(
      database, QuerySession.authorize, Unmanaged.passUnretained(session).toOpaque())
  }
}

/// Values of a column that a statement did not see as they are.
public struct QueryNote: Sendable, Equatable {
  /// The table's name.
  public let table: String
  /// The column's name.
  public let column: String
  /// How many were NULL to the statement because they could not be read.
  public let unreadable: Int
  /// How many texts lacked their end.
  public let cut: Int

  /// A note.
  public init(table: String, column: String, unreadable: Int, cut: Int) {
    self.table = table
    self.column = column
    self.unreadable = unreadable
    self.cut = cut
  }
}
