import CSQLite
public import RecordSchema

/// An SQLite database without a file, whose tables are read from elsewhere when a statement asks.
///
/// It can only read: no file is opened, attached or written, and nothing is loaded into it.
public final class QueryDatabase {
  private let database: OpaquePointer
  private let session: QuerySession

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

  /// Prepares a statement; running it begins with the first row.
  ///
  /// - Throws: `QueryError` that points at what is wrong.
  public func prepare(_ sql: String) throws(QueryError) -> QueryStatement {
    session.begin()
    var statement = try PreparedStatement(database, sql)
    if session.markShared(try openedTables(sql)) {
      // Planned anew: all uses of a table see the same rows, so none may narrow its walk.
      statement = try PreparedStatement(database, sql)
    }
    return QueryStatement(statement, session)
  }

  /// The tables that a statement opens, once for each use: EXPLAIN shows "vtab:" and their address.
  private func openedTables(_ sql: String) throws(QueryError) -> [UInt] {
    let explain = try PreparedStatement(database, "EXPLAIN " + sql)
    var tables: [UInt] = []
    while (try? explain.step()) == true {
      guard explain.text(1) == "VOpen", let table = explain.text(5)?.split(separator: ":").last
      else { continue }
      if let address = UInt(table.drop { $0 == "0" || $0 == "x" }, radix: 16) { tables.append(address) }
    }
    return tables
  }

  /// Leaves a statement nothing but to read.
  private func lock() {
    // Sorting would write files otherwise.
    sqlite3_exec(database, "PRAGMA temp_store=MEMORY", nil, nil, nil)
    for (option, value) in [
      (SQLITE_DBCONFIG_DEFENSIVE, 1), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
      (SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0),
    ] { kiter_sqlite_configure(database, option, Int32(value)) }
    for (limit, value) in [
      (SQLITE_LIMIT_ATTACHED, 0), (SQLITE_LIMIT_LENGTH, 16 << 20), (SQLITE_LIMIT_SQL_LENGTH, 64 << 10),
      (SQLITE_LIMIT_EXPR_DEPTH, 100), (SQLITE_LIMIT_COMPOUND_SELECT, 50),
      (SQLITE_LIMIT_COLUMN, 250), (SQLITE_LIMIT_WORKER_THREADS, 0),
    ] { sqlite3_limit(database, limit, Int32(value)) }
    // SAFETY: the session lives as long as the database.
    sqlite3_set_authorizer(
      database, QuerySession.authorize, Unmanaged.passUnretained(session).toOpaque())
  }
}
