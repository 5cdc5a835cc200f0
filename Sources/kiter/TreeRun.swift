import Glibc
import IteratorCatalog
import KernelIterators
import LiveQuery
import RecordOutput
import RecordQuery
import RecordSchema

/// A table's rows as a tree: all are read, because what is above a row that is wanted need not be
/// wanted itself.
extension TableRun {
  /// Refuses what cannot be drawn.
  ///
  /// - Throws: `UsageError`.
  func checkTree() throws(UsageError) {
    if query.isCounting {
      throw UsageError(
        description: "--tree and --count exclude each other; leave one of them out")
    }
    if output.format != .table {
      throw UsageError(
        description:
          "--tree only draws a table: --output \(output.format.rawValue) has the same in "
          + "the columns pid and ppid; leave --tree out")
    }
  }

  /// Draws the rows of programs loaded now.
  func drawTree(of source: LoadedTable) throws -> RowPump.End {
    var request = source.request
    let filter = RowFilter(schema, RowSelection(), request.matches)
    request.matches = [:]
    request.scopes = [.all]
    // A thread that was asked for has a row only where threads have.
    if !rows.tids.isEmpty { request.parameters["threads"] = 1 }
    let whole = LoadedTable(files: source.files, request: request, onStall: source.onStall)
    let projection = request.projection
    let table = whole.queryTable(beside: treeColumns(projection, filter))
    return try drawTree(of: table, projection, host: .live()) { filter.accepts($0) }
  }

  /// Draws the rows of a recorded table.
  func drawTree(
    of table: some RecordedTable, _ projection: Projection, _ filter: RowFilter
  ) throws -> RowPump.End {
    let hasThreads = table.columns.contains("tid")
    let rows = table.queryTable(
      beside: treeColumns(projection, filter, hasThreads: hasThreads))
    return try drawTree(of: rows, projection, host: table.host) { filter.accepts($0) }
  }

  /// What must be read whatever the query: the columns to show, and those that place a row.
  ///
  /// Without `tid` each row is a process's: a recorded table may lack it.
  func treeColumns(
    _ projection: Projection, _ filter: RowFilter, hasThreads: Bool = true
  ) -> [String] {
    var names = projection.columns.map(\.field.name)
    let placing = (ProcessTree.columns(of: schema) ?? []).filter { hasThreads || $0 != "tid" }
    for name in placing + filter.columns where !names.contains(name) { names.append(name) }
    return names
  }

  /// Draws the rows of a table that gives all of them.
  func drawTree(
    of table: QueryTable, _ projection: Projection, host: HostFacts = .live(),
    where isWanted: (RawRecord) -> Bool
  ) throws -> RowPump.End {
    let column = try drawingColumn(projection)
    let database = try QueryDatabase(tables: [table], host: host)
    let marked = try database.mark(query.rowQuery(of: schema, limit: nil), in: schema.name)
    let reader = NodeReader(schema, rows)
    let nodes = marked.rows.map { row in
      marked.records.withRecord(row.number) { record in
        reader.node(record, isChosen: row.isChosen && isWanted(record))
      }
    }
    let lines = ProcessTree.lines(of: nodes)
    var pump = RowPump(projection, output, host: host)
    pump.tree = TreeDrawing(
      lines.map { .init(prefix: $0.prefix, isDimmed: !nodes[$0.node].isChosen) }, column: column,
      canDim: output.isColored)
    return try pump.run(marked.selected(lines.map { marked.rows[$0.node].number }))
  }

  /// Where the tree is drawn: before the name, or else the last text.
  private func drawingColumn(_ projection: Projection) throws(UsageError) -> Int {
    let columns = projection.columns.map(\.field)
    let texts: [Kind] = [.text, .path, .arguments]
    if let index = columns.firstIndex(where: { $0.name == "comm" })
      ?? columns.lastIndex(where: { texts.contains($0.kind) })
    {
      return index
    }
    throw UsageError(
      description: "--tree is drawn before a name, and --columns has none; add one: --columns +comm"
    )
  }
}

/// Reads of a row where it belongs in the tree.
private struct NodeReader {
  private let pid: RecordLayout.Slot?
  private let ppid: RecordLayout.Slot?
  private let tid: RecordLayout.Slot?
  private let rows: RowSelection

  init(_ schema: Schema, _ rows: RowSelection) {
    let slots = zip(schema.storedFields, RecordLayout(schema).slots)
    func slot(_ name: String) -> RecordLayout.Slot? { slots.first { $0.0.name == name }?.1 }
    (pid, ppid, tid) = (slot("pid"), slot("ppid"), slot("tid"))
    self.rows = rows
  }

  func node(_ record: RawRecord, isChosen: Bool) -> ProcessTree.Node {
    func number(_ slot: RecordLayout.Slot?) -> UInt64? { slot.flatMap { record.value($0).number } }
    let process = number(pid)
    let thread = number(tid) ?? process
    let isAsked =
      rows.pids.isEmpty && rows.tids.isEmpty
      || rows.pids.contains { UInt64($0) == process } || rows.tids.contains { UInt64($0) == thread }
    return ProcessTree.Node(
      id: thread, parent: thread == process ? number(ppid) : process,
      isChosen: isChosen && isAsked)
  }
}
