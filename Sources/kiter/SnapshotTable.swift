import ArgumentParser
import IteratorCatalog
import RecordQuery
import RecordSchema
import RecordSnapshot

/// A table of a snapshot. Its own schema says what its records are.
struct SnapshotTable: RecordedTable {
  let schema: Schema
  let columns: [String]
  private let file: SnapshotFile
  private let table: SnapshotFile.Table

  /// A query holds the records in memory: no file may make it take more than this.
  private static var maximumHeld: Int { 2 << 30 }

  /// Reads of a table what it is.
  ///
  /// - Throws: `SnapshotError`, `StreamError`.
  init(_ file: SnapshotFile, _ table: SnapshotFile.Table) throws {
    self.file = file
    self.table = table
    let recorded = try file.schema(of: table)
    // All of a table's programs recorded the same columns.
    var stream = RecordStream(
      file.source(of: table), schema: recorded, layout: RecordLayout(recorded))
    _ = try stream.nextRecords { _, _ in }
    columns = recorded.columns(of: stream.preamble.map { [$0] } ?? [])
    schema = recorded.recorded(with: columns)
  }

  var host: HostFacts { file.host.facts }

  func require(_ names: [String]) throws {
    guard let missing = names.first(where: { !columns.contains($0) }) else { return }
    throw SnapshotError(file.path, "\(schema.name) was recorded without the column \(missing)")
  }

  func refusal(of option: String) -> any Error {
    UsageError(
      description: "\(schema.name): a snapshot cannot take --\(option.replacingUnderscores()), "
        + "which only the kernel can answer; --where asks the columns")
  }

  func write(_ pump: RowPump) throws -> RowPump.End {
    try pump.run(ReadAhead(file.source(of: table)))
  }

  func records(
    _ projection: Projection, where isWanted: (RawRecord) -> Bool
  ) throws -> StoredRecords {
    guard table.size <= Self.maximumHeld else {
      throw SnapshotError(
        file.path, "\(schema.name) takes \(table.size >> 20) MiB, more than a query may hold")
    }
    return try StoredRecords(file.source(of: table), projection: projection, where: isWanted)
  }
}

/// A snapshot whose tables are decoded when they are asked for.
struct OpenedSnapshot {
  let file: SnapshotFile

  init(_ path: String) throws(SnapshotError) { file = try SnapshotFile(path) }

  /// Opens what --from names.
  ///
  /// - Throws: `SnapshotError`; `UsageError` if other options ask for the kernel.
  init(_ path: String, _ output: OutputOptions) throws {
    if output.pinned || output.pins != nil || output.engine != nil {
      throw UsageError(description: "--from excludes --pins, --pinned and --engine")
    }
    try self.init(path)
  }

  /// The table of that name, as commands or SQL have it.
  func table(_ name: String) throws -> SnapshotTable {
    let name = file.tables.first { $0.name.replacingUnderscores() == name }?.name ?? name
    return try SnapshotTable(file, file.table(name))
  }

  /// All tables.
  func tables() throws -> [SnapshotTable] { try file.tables.map { try SnapshotTable(file, $0) } }
}

extension TableRun {
  /// Writes the rows of a snapshot; nil if all is well.
  func writeSnapshot(_ path: String) throws -> ExitCode? {
    let table = try OpenedSnapshot(path, output).table(schema.name)
    var run = self
    run.schema = table.schema
    return try run.write(table, nil)
  }
}
