import CSQLite
import RecordSchema

/// What SQLite knows as the connected table; its own part comes first.
private struct ConnectedTable {
  var base = sqlite3_vtab()
  let table: Unmanaged<SessionTable>
}

/// What SQLite knows as a cursor; its own part comes first.
private struct OpenCursor {
  var base = sqlite3_vtab_cursor()
  let cursor: Unmanaged<TableCursor>
}

/// Where one use of a table is.
private final class TableCursor {
  let table: SessionTable
  var loaded: LoadedTable?
  /// The rows to give; nil for all.
  var rows: [Int]?
  var position = 0

  init(_ table: SessionTable) { self.table = table }

  var count: Int { rows?.count ?? loaded?.records.count ?? 0 }
  var row: Int { rows?[position] ?? position }
}

/// The functions by which SQLite reads a table (https://sqlite.org/vtab.html).
enum VirtualTable {
  static func module() -> sqlite3_module {
    var module = sqlite3_module()
    module.iVersion = 1
    module.xConnect = { database, client, _, _, result, message in
      guard let client else { return SQLITE_ERROR }
      // SAFETY: `client` is a table that its session keeps.
      let table = Unmanaged<SessionTable>.fromOpaque(client)
      return VirtualTable.connect(database, table, result)
    }
    module.xDisconnect = { table in
      // SAFETY: `connect` allocated it as this type.
      UnsafeMutableRawPointer(table)?.assumingMemoryBound(to: ConnectedTable.self).deallocate()
      return SQLITE_OK
    }
    module.xBestIndex = { table, info in
      guard let info else { return SQLITE_ERROR }
      return VirtualTable.plan(VirtualTable.connected(table), info)
    }
    module.xOpen = { table, result in
      let cursor = UnsafeMutablePointer<OpenCursor>.allocate(capacity: 1)
      cursor.initialize(
        to: OpenCursor(cursor: .passRetained(TableCursor(VirtualTable.connected(table)))))
      result?.pointee = UnsafeMutableRawPointer(cursor).assumingMemoryBound(
        to: sqlite3_vtab_cursor.self)
      return SQLITE_OK
    }
    module.xClose = { cursor in
      // SAFETY: `xOpen` allocated it as this type.
      let pointer = UnsafeMutableRawPointer(cursor)?.assumingMemoryBound(to: OpenCursor.self)
      pointer?.pointee.cursor.release()
      pointer?.deallocate()
      return SQLITE_OK
    }
    module.xFilter = { cursor, _, plan, count, values in
      let text = plan.map { String(cString: $0) } ?? ""
      return VirtualTable.filter(
        VirtualTable.opened(cursor), text, UnsafeBufferPointer(start: values, count: Int(count)))
    }
    module.xNext = { cursor in
      VirtualTable.opened(cursor).position += 1
      return SQLITE_OK
    }
    module.xEof = { cursor in
      let cursor = VirtualTable.opened(cursor)
      return cursor.position >= cursor.count ? 1 : 0
    }
    module.xColumn = { cursor, context, column in
      let cursor = VirtualTable.opened(cursor)
      cursor.loaded?.result(context, row: cursor.row, column: Int(column))
      return SQLITE_OK
    }
    module.xRowid = { cursor, result in
      result?.pointee = Int64(VirtualTable.opened(cursor).row)
      return SQLITE_OK
    }
    return module
  }

  private static func connect(
    _ database: OpaquePointer?, _ table: Unmanaged<SessionTable>,
    _ result: UnsafeMutablePointer<UnsafeMutablePointer<sqlite3_vtab>?>?
  ) -> Int32 {
    let table = table.takeUnretainedValue()
    table.isDeclaring = true
    defer { table.isDeclaring = false }
    let code = sqlite3_declare_vtab(database, table.declaration)
    guard code == SQLITE_OK else { return code }
    let pointer = UnsafeMutablePointer<ConnectedTable>.allocate(capacity: 1)
    pointer.initialize(to: ConnectedTable(table: .passUnretained(table)))
    result?.pointee = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sqlite3_vtab.self)
    table.address = UInt(bitPattern: pointer)
    return SQLITE_OK
  }

  private static func connected(_ table: UnsafeMutablePointer<sqlite3_vtab>?) -> SessionTable {
    guard let table else { preconditionFailure("SQLite names the table that it means") }
    // SAFETY: SQLite hands back what `connect` gave it, which begins with its own part.
    return UnsafeMutableRawPointer(table).assumingMemoryBound(to: ConnectedTable.self).pointee.table
      .takeUnretainedValue()
  }

  private static func opened(_ cursor: UnsafeMutablePointer<sqlite3_vtab_cursor>?) -> TableCursor {
    guard let cursor else { preconditionFailure("SQLite names the cursor that it means") }
    // SAFETY: SQLite hands back what `xOpen` gave it, which begins with its own part.
    return UnsafeMutableRawPointer(cursor).assumingMemoryBound(to: OpenCursor.self).pointee.cursor
      .takeUnretainedValue()
  }
}

// MARK: - Planning

extension VirtualTable {
  /// A guess of a table's size: only its relation to what a lookup gives matters.
  private static let rowsOfTable = 10_000.0

  private static func plan(
    _ table: SessionTable, _ info: UnsafeMutablePointer<sqlite3_index_info>
  ) -> Int32 {
    var plan = TablePlan()
    // The authorizer says by name which columns are read, but not all of a join's; this mask knows
    // all, but of column 63 and later not which.
    for column in 0..<min(63, table.columns.count) where info.pointee.colUsed >> column & 1 == 1 {
      table.use(table.columns[column].name)
    }
    for index in 0..<Int(info.pointee.nConstraint) {
      let constraint = info.pointee.aConstraint[index]
      guard constraint.op == SQLITE_INDEX_CONSTRAINT_EQ, constraint.usable != 0,
        constraint.iColumn >= 0, isBinary(info, index)
      else { continue }
      let column = Int(constraint.iColumn)
      let isConstant = isConstant(info, index)
      // What the kernel narrows is one walk for one value; a join has many.
      let narrows = isConstant && !table.isShared && table.schema.isNarrowing(table.columns[column])
      if isConstant && !narrows { continue }
      table.use(table.columns[column].name)
      plan.steps.append(.init(use: narrows ? .kernel : .index, column: column))
      info.pointee.aConstraintUsage[index].argvIndex = Int32(plan.steps.count)
    }
    let rows = plan.steps.isEmpty ? rowsOfTable : 10
    info.pointee.estimatedRows = Int64(rows)
    info.pointee.estimatedCost = plan.steps.isEmpty ? rowsOfTable * 10 : rows
    info.pointee.idxNum = Int32(plan.steps.count)
    guard let text = kiter_sqlite_copy(plan.text(columns: table.columns)) else {
      return SQLITE_NOMEM
    }
    info.pointee.idxStr = text
    info.pointee.needToFreeIdxStr = 1
    return SQLITE_OK
  }

  private static func isConstant(
    _ info: UnsafeMutablePointer<sqlite3_index_info>, _ index: Int
  ) -> Bool {
    var value: OpaquePointer?
    return sqlite3_vtab_rhs_value(info, Int32(index), &value) == SQLITE_OK && value != nil
  }

  /// A lookup compares bytes; another collation (NOCASE) is left to SQLite.
  private static func isBinary(
    _ info: UnsafeMutablePointer<sqlite3_index_info>, _ index: Int
  ) -> Bool {
    sqlite3_vtab_collation(info, Int32(index)).map { String(cString: $0) == "BINARY" } ?? true
  }
}

// MARK: - Running

extension VirtualTable {
  private static func filter(
    _ cursor: TableCursor, _ text: String, _ values: UnsafeBufferPointer<OpaquePointer?>
  ) -> Int32 {
    let table = cursor.table
    let plan = TablePlan(text, columns: table.columns)
    var scan = table.scan
    var lookups: [(column: Int, key: SQLKey)] = []
    cursor.position = 0
    cursor.rows = []
    for (step, value) in zip(plan.steps, values) {
      guard let key = SQLKey(value) else { return SQLITE_OK }
      switch step.use {
      case .index: lookups.append((step.column, key))
      case .kernel:
        guard table.narrow(&scan, table.columns[step.column], to: key) else { return SQLITE_OK }
      }
    }
    guard let loaded = table.load(scan) else { return SQLITE_ERROR }
    cursor.loaded = loaded
    // SQLite compares again: rows of the lookup that finds fewest are enough.
    cursor.rows = lookups.map { loaded.rows(column: $0.column, equalTo: $0.key) }
      .min { $0.count < $1.count }
    return SQLITE_OK
  }
}
