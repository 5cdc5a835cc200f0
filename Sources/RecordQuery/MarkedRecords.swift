import RecordSchema

/// All records of a table in an order, and of which of them a condition is true.
public struct MarkedRecords {
  /// The records.
  public let records: StoredRecords
  /// Their numbers in order, and whether the condition is true of each.
  public let rows: [(number: Int, isChosen: Bool)]

  /// Some of the records, by their numbers, as a stream in that order.
  public func selected(_ numbers: [Int]) -> SelectedRecords {
    SelectedRecords(records, rows: numbers)
  }
}

extension QueryDatabase {
  /// Reads a whole table in the order of a query, and finds out which rows it would choose.
  ///
  /// - Throws: as `select`.
  public func mark(_ query: RowQuery, in table: String) throws -> MarkedRecords {
    var order = query
    order.limit = nil
    // The table is in it twice, so no use of it narrows the walk.
    let statement = try prepare(
      "SELECT rowid * 2 + (rowid IN (SELECT rowid FROM \"\(table)\"", query,
      ")) FROM \"\(table)\"" + order.ending(order.sort))
    let rows = try statement.integers().map { (number: $0 / 2, isChosen: $0 % 2 == 1) }
    let found = session.tables.first { $0.schema.name == table }?.records
    guard let found else { throw QueryError("the table \(table) was not read") }
    return MarkedRecords(records: found, rows: rows)
  }
}
