import ArgumentParser
import IteratorCatalog
import KernelIterators
import RecordQuery
import RecordSchema

/// A table's rows from its pins.
extension TableRun {
  /// The table's pins, where the command line says.
  var pins: TablePins {
    TablePins(schema, in: PinFolder(output.pins ?? PinFolder.standardPath))
  }

  /// Are the rows to come from pins: on request, or because programs may not be loaded?
  var usesPins: Bool {
    output.pinned || output.pins != nil || (!Capabilities().mayLoad && pins.exist)
  }

  /// Writes the rows of pins; nil if all is well.
  func writePinned(_ terminal: WatchTerminal?) throws -> ExitCode? {
    try requireNoConstants()
    let source = try PinnedSource(pins, programs: rows.programs)
    let named = try output.columnNames(of: naming(source.schema))
    let isAll = output.columns.map { ColumnList($0).isAll } ?? false
    let names =
      isAll ? source.columns : named ?? source.schema.columns.filter(\.isDefault).map(\.name)
    let matches = Dictionary(try matches().map { ($0.name, $0.value) }) { $1 }
    let filter = RowFilter(schema, pids: rows.pids, matches)
    guard let columns = try columns(names, of: source.schema) else { return ExitStatus.usage }
    let projection = columns.read
    try source.require(projection.columns.map(\.field.name) + filter.columns)
    let targets = ScopeTargets(schema: schema, rows)
    guard targets.isEmpty || !targets.existing.isEmpty else { return ExitStatus.failed }
    let end =
      if watch.isOn {
        try watched(pinnedTable(filter), columns.shown, on: terminal)
      } else if query.isEmpty {
        try RowPump(projection, output, filter: filter).run(source)
      } else {
        try queried(projection, filter)
      }
    return code(of: end, columns.shown, targets)
  }

  /// The rows of pins with a query over them.
  private func queried(_ projection: Projection, _ filter: RowFilter) throws -> RowPump.End {
    if query.tree { return try drawTree(ofPinned: projection, filter) }
    let shown = query.isCounting ? [] : projection.columns.map(\.field.name)
    let table = pinnedTable(filter, beside: shown)
    return try QueryRun(table: table, projection: projection, query: query, output: output).run()
  }

  /// The pins as a table for queries; `shown` columns are read in any case.
  private func pinnedTable(_ filter: RowFilter, beside shown: [String] = []) -> QueryTable {
    let (pins, programs) = (pins, rows.programs)
    return QueryTable(schema) { scan in
      let source = try PinnedSource(pins, programs: programs)
      try source.require(scan.columns)
      let columns = shown + scan.columns.filter { !shown.contains($0) }
      return try StoredRecords(
        source, projection: Projection(pins.schema, columns: columns), where: filter.accepts)
    }
  }

  /// Refuses what a program must be told when it is loaded. What a row tells of itself (`--pid` and
  /// filters) is not among it.
  private func requireNoConstants() throws(IteratorError) {
    let tid = rows.tids.isEmpty ? [] : ["tid"]
    let given = tid + rows.numbers.map(\.name) + rows.files.map(\.name)
    guard let option = given.first else { return }
    throw IteratorError(
      iterator: schema.name, stage: .openPin, cause: .notPermitted,
      advice: "a pin cannot take --\(option.replacingUnderscores()), which its program would have "
        + "to know when it is loaded; run kiter as root (sudo kiter …)")
  }
}
