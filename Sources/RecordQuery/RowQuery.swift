public import RecordSchema

/// Which records of one table are wanted, and in what order.
public struct RowQuery: Sendable, Equatable {
  /// A column to sort by.
  public struct Key: Sendable, Equatable {
    /// The column's name.
    public var column: String
    /// Greatest first?
    public var isDescending: Bool

    /// Names a column and its direction.
    public init(column: String, isDescending: Bool) {
      self.column = column
      self.isDescending = isDescending
    }
  }

  /// An SQL expression that is true of each; nil for all records.
  public var condition: String?
  /// Others that no user wrote, and of which errors do not speak.
  public var restrictions: [String] = []
  /// What to sort by; what has no value comes last.
  public var sort: [Key] = []
  /// At most so many.
  public var limit: Int?

  /// Wants all records in the kernel's order.
  public init() {}

  /// What is before the user's condition, behind WHERE, and what follows it; nil if there is none.
  var enclosure: (before: String, after: String)? {
    guard !restrictions.isEmpty else { return condition == nil ? nil : ("", "\n") }
    let rest = restrictions.map { "(\($0))" }.joined(separator: " AND ")
    return condition == nil ? (rest, "") : ("(", "\n) AND " + rest)
  }

  /// What follows the condition in a statement.
  func ending(_ keys: [Key]) -> String {
    var text = ""
    if !keys.isEmpty {
      let list = keys.map { "\"\($0.column)\" \($0.isDescending ? "DESC" : "ASC") NULLS LAST" }
      text += " ORDER BY " + list.joined(separator: ", ")
    }
    if let limit { text += " LIMIT \(limit)" }
    return text
  }
}

extension QueryDatabase {
  /// Selects records of a table: the records themselves, not values made of them.
  ///
  /// - Throws: `QueryError` that points into the condition, or why the table cannot be read.
  public func select(_ query: RowQuery, from table: String) throws -> SelectedRecords {
    let statement = try prepare(
      "SELECT rowid FROM \"\(table)\"", query, query.ending(query.sort))
    let rows = try statement.integers()
    guard let table = session.tables.first(where: { $0.schema.name == table }) else {
      throw QueryError("no such table: \(table)")
    }
    return SelectedRecords(table.records ?? StoredRecords(empty: table.schema), rows: rows)
  }

  /// Counts the records of a table: all of them, or those of each combination of some columns'
  /// values, most first.
  ///
  /// - Throws: as `select`.
  public func count(_ query: RowQuery, by columns: [String], from table: String) throws
    -> QueryStatement
  {
    let names = columns.map { "\"\($0)\"" }
    let list = (names + ["count(*) AS count"]).joined(separator: ", ")
    let group = names.isEmpty ? "" : " GROUP BY " + names.joined(separator: ", ")
    var keys = query.sort
    if keys.isEmpty && !columns.isEmpty {
      keys = [.init(column: "count", isDescending: true)]
      keys += columns.map { .init(column: $0, isDescending: false) }
    }
    return try prepare(
      "SELECT \(list) FROM \"\(table)\"", query, group + query.ending(keys))
  }

  /// Prepares a statement of ours around a condition of the user's, of which errors then speak.
  func prepare(_ start: String, _ query: RowQuery, _ end: String)
    throws(QueryError) -> QueryStatement
  {
    guard let (before, after) = query.enclosure else { return try prepare(start + end) }
    let condition = query.condition ?? ""
    let start = start + "\nWHERE " + before
    // The condition's line is its own: a comment in it ends there.
    do throws(QueryError) { return try prepare(start + condition + after + end) } catch {
      let offset = error.offset.map { $0 - start.utf8.count }
      let isInside = offset.map { (0...condition.utf8.count).contains($0) } ?? false
      throw QueryError(error.message, offset: isInside ? offset : nil, sql: condition)
    }
  }
}

/// Chosen records of a table, as a stream.
public struct SelectedRecords: RecordSource {
  private let records: StoredRecords
  private let rows: [Int]
  private var next = 0
  private var hasBegun = false

  init(_ records: StoredRecords, rows: [Int]) {
    self.records = records
    self.rows = rows
  }

  /// How many there are.
  public var count: Int { rows.count }

  /// What was read of the table.
  public var projection: Projection { records.projection }

  /// What the stream said of itself.
  public var preamble: Preamble { records.preamble }

  /// Some of them, as a stream of their own.
  public func part(_ range: Range<Int>) -> SelectedRecords {
    SelectedRecords(records, rows: Array(rows[range.clamped(to: rows.indices)]))
  }

  /// Gives records until the buffer is full; 0 at the end.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    var used = 0
    if !hasBegun {
      hasBegun = true
      let preamble = records.preamble.encoded
      buffer.copyBytes(from: preamble)
      used = preamble.count
    }
    while next < rows.count {
      let isIn = records.withRecord(rows[next]) { record in
        guard record.size <= buffer.count - used else { return false }
        record.copyBytes(to: UnsafeMutableRawBufferPointer(rebasing: buffer[used...]))
        used += record.size
        return true
      }
      if !isIn { break }
      next += 1
    }
    return used
  }
}
