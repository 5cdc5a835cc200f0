import ArgumentParser
import IteratorCatalog
import KernelIterators
import RecordQuery
import RecordSchema

/// A table as its pins give it.
struct PinnedTable: RecordedTable {
  private let pins: TablePins
  private let programs: [String]
  let schema: Schema
  let columns: [String]
  var host: HostFacts { .live() }

  /// Reads of each pin what it is.
  init(_ pins: TablePins, programs: [String] = []) throws(IteratorError) {
    self.pins = pins
    self.programs = programs
    let source = try PinnedSource(pins, programs: programs)
    schema = source.schema
    columns = source.columns
  }

  private func source() throws(IteratorError) -> PinnedSource {
    try PinnedSource(pins, programs: programs)
  }

  func require(_ names: [String]) throws { try source().require(names) }

  func refusal(of option: String) -> any Error {
    IteratorError(
      iterator: schema.name, stage: .openPin, cause: .notPermitted,
      advice: "a pin cannot take --\(option.replacingUnderscores()), which its program would have "
        + "to know when it is loaded; run kiter as root (sudo kiter …)")
  }

  func write(_ pump: RowPump) throws -> RowPump.End {
    try pump.run(ReadAhead(source()))
  }

  func records(
    _ projection: Projection, where isWanted: (RawRecord) -> Bool
  ) throws -> StoredRecords {
    try StoredRecords(source(), projection: projection, where: isWanted)
  }
}

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
    let table = try PinnedTable(pins, programs: rows.programs)
    return try write(table, ScopeTargets(schema: schema, rows), on: terminal)
  }
}
