import IteratorCatalog
import KernelIterators
import RecordSchema

/// A pin that kiter made, of this version or another one, and what this one can make of it.
struct FoundPin {
  /// Name in the folder.
  let file: String
  let path: String
  /// The table that its name, or its stream, says.
  var table: String
  /// The program of the table.
  var program: String?
  /// The columns that can be read of it, by name; nil if they cannot be told.
  var columns: [String]?
  var access: PinAccess?
  /// Why this kiter cannot read it; nil if it can.
  var problem: String?
}

/// The pins of a folder, by name. Other files that it may hold are passed over.
func foundPins(in folder: PinFolder) -> [FoundPin] {
  folder.names().compactMap { file in
    for table in Catalog.tables {
      let pins = TablePins(table.schema, in: folder)
      if let program = pins.program(of: file) { return FoundPin(file, pins, program) }
    }
    return tableOfStream(folder, file).map { table in
      FoundPin(
        file: file, path: folder.path(of: file), table: table,
        access: folder.permissions(of: file),
        problem: "no table of this kiter has a pin of this name")
    }
  }
}

extension FoundPin {
  /// What the pin of a table's program says of itself.
  fileprivate init(_ file: String, _ pins: TablePins, _ program: String) {
    self.init(
      file: file, path: pins.folder.path(of: file), table: pins.schema.name, program: program,
      access: pins.folder.permissions(of: file))
    do {
      let source = try PinnedSource(pins, programs: [program])
      columns = source.columns
    } catch {
      problem = error.advice
    }
  }
}

/// The table that a pin's stream names; nil if it is no stream of kiter's.
private func tableOfStream(_ folder: PinFolder, _ file: String) -> String? {
  guard var reader = try? folder.open(file, iterator: file) else { return nil }
  return withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { buffer in
    guard let count = try? reader.read(into: buffer) else { return nil }
    return Preamble(startOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))?.table
  }
}
