import ArgumentParser
import KernelIterators
import RecordQuery
import RecordSchema

/// A table whose columns and rows were decided before kiter was started: a pin's, or a snapshot's.
/// What a row tells of itself can still be asked; what a program must be told cannot.
protocol RecordedTable: Sendable {
  /// What the records are; its default columns are those to show where none are named.
  var schema: Schema { get }
  /// The columns that there are, by name.
  var columns: [String] { get }
  /// The host that the records tell of.
  var host: HostFacts { get }
  /// Makes sure that there are certain columns; throws what says how to get them.
  func require(_ names: [String]) throws
  /// Why an option, by its name in the schema, cannot be taken, and what to do instead.
  func refusal(of option: String) -> any Error
  /// Hands the records over as they come.
  func write(_ pump: RowPump) throws -> RowPump.End
  /// Reads the records that are wanted.
  func records(_ projection: Projection, where isWanted: (RawRecord) -> Bool) throws
    -> StoredRecords
}

extension RecordedTable {
  /// The table for a query; `shown` columns are read in any case.
  func queryTable(
    beside shown: [String] = [],
    where isWanted: @escaping @Sendable (RawRecord) -> Bool = { _ in true }
  ) -> QueryTable {
    QueryTable(schema) { scan in
      try require(scan.columns)
      let columns = shown + scan.columns.filter { !shown.contains($0) }
      return try records(Projection(schema, columns: columns), where: isWanted)
    }
  }
}

extension TableRun {
  /// Writes the rows of a recorded table, which is this command's.
  ///
  /// - Parameters:
  ///   - table: where they are.
  ///   - targets: what was asked for by pid, where that can be looked for on this host.
  ///   - terminal: where to draw, if they are watched.
  /// - Returns: nil if all is well.
  /// - Throws: why there are none.
  func write(
    _ table: some RecordedTable, _ targets: ScopeTargets?, on terminal: WatchTerminal? = nil
  ) throws -> ExitCode? {
    var run = self
    run.query = try query(of: table)
    return try run.writeRows(of: table, targets, on: terminal)
  }

  private func writeRows(
    of table: some RecordedTable, _ targets: ScopeTargets?, on terminal: WatchTerminal?
  ) throws -> ExitCode? {
    let named = try output.columnNames(of: naming(table.schema))
    let isAll = output.columns.map { ColumnList($0).isAll } ?? false
    let names =
      isAll ? table.columns : named ?? table.schema.columns.filter(\.isDefault).map(\.name)
    let matches = Dictionary(try matches(table.host).map { ($0.name, $0.value) }) { $1 }
    let filter = RowFilter(schema, rows, matches)
    guard let columns = try columns(names, of: table.schema) else { return ExitStatus.usage }
    let projection = columns.read
    try table.require(projection.columns.map(\.field.name) + filter.columns)
    if let targets, !targets.isEmpty && targets.existing.isEmpty { return ExitStatus.failed }
    let end: RowPump.End
    if watch.isOn {
      end = try watched(table.queryTable(where: filter.accepts), columns.shown, on: terminal)
    } else if query.tree {
      end = try drawTree(of: table, projection, filter)
    } else if query.isEmpty {
      end = try table.write(RowPump(projection, output, filter: filter, host: table.host))
    } else {
      let shown = query.isCounting ? [] : projection.columns.map(\.field.name)
      let rows = table.queryTable(beside: shown, where: filter.accepts)
      end = try QueryRun(
        table: rows, projection: projection, query: query, output: output, host: table.host
      ).run()
    }
    if let code = code(of: end, columns.shown, targets) { return code }
    // Rows behind the last one wanted are not looked at.
    guard targets == nil, output.limit == nil else { return nil }
    for pid in filter.missingPids { report("\(schema.name): there is no row of process \(pid)") }
    return filter.missingPids.isEmpty ? nil : ExitStatus.failed
  }

  /// The query, with what the program would be told when it is loaded asked of the columns.
  ///
  /// - Throws: the table's refusal where columns cannot tell.
  private func query(of table: some RecordedTable) throws -> QueryOptions {
    let tid = rows.tids.isEmpty ? [] : ["tid"]
    var query = query
    for number in rows.numbers {
      guard let condition = parameters.first(where: { $0.name == number.name })?.condition else {
        throw table.refusal(of: number.name)
      }
      let parts = condition.split(separator: "?", omittingEmptySubsequences: false)
      query.restrictions.append(parts.joined(separator: "\(number.value)"))
    }
    if let option = rows.loadingOption { throw table.refusal(of: option) }
    if let option = (tid + rows.files.map(\.name)).first { throw table.refusal(of: option) }
    return query
  }
}
