public import KernelIterators
public import RecordSchema

/// A table's pins as a source of records. Reading them needs no privilege but that to open the
/// files; columns and parameters are those that they were made with.
public struct PinnedSource: RecordSource, ~Copyable {
  /// The columns that every pin has, by name.
  public let columns: [String]
  private let pins: TablePins
  private var walks: ArraySlice<PinnedWalk>

  /// Opens the pins, and reads of each what it is.
  ///
  /// - Parameters:
  ///   - pins: the table's.
  ///   - programs: the programs to run, by name; empty for all.
  /// - Throws: `IteratorError` if one cannot be opened, is not trusted, or this kiter cannot decode
  ///   it.
  public init(_ pins: TablePins, programs: [String] = []) throws(IteratorError) {
    var walks: [PinnedWalk] = []
    for program in pins.schema.programs.map(\.name)
    where programs.isEmpty || programs.contains(program) {
      walks.append(try pins.open(program))
    }
    columns = pins.schema.columns(of: walks.compactMap(\.preamble))
    self.pins = pins
    self.walks = walks[...]
  }

  /// The schema with the columns to show where none are named as its default ones.
  public var schema: Schema { pins.schema.recorded(with: columns) }

  /// Makes sure that the pins have certain columns.
  ///
  /// - Throws: `IteratorError` that names the first which they lack, and how to pin it.
  public func require(_ names: [String]) throws(IteratorError) {
    guard let missing = names.first(where: { !columns.contains($0) }) else { return }
    let table = pins.schema.name
    let access = pins.access.map { " --mode \($0.octalMode) --group \($0.group)" } ?? ""
    let arguments = "\(table) --columns \(pinnedColumns(and: names))\(access)"
    throw IteratorError(
      iterator: table, stage: .openPin, cause: .notPermitted,
      advice: "the pin in \(pins.folder.path) has no column \(missing); pin it so: "
        + pins.folder.command("pin", arguments) + ", or run kiter as root")
  }

  /// The value of --columns that makes a pin of those that there are and of others.
  private func pinnedColumns(and names: [String]) -> String {
    let columns = pins.schema.forPinning.columns
    let all = columns.map(\.name).filter { self.columns.contains($0) || names.contains($0) }
    let standard = columns.filter(\.isDefault).map(\.name)
    guard standard.allSatisfy(all.contains) else { return all.joined(separator: ",") }
    // Those of the same stored fields come with the default ones.
    let present = pins.schema.columns(ofPinWith: standard)
    return all.filter { !present.contains($0) }.map { "+\($0)" }.joined(separator: ",")
  }

  /// Reads the next bytes; 0 at the end of the last pin.
  ///
  /// - Throws: `IteratorError`.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(IteratorError) -> Int
  {
    while let walk = walks.first {
      let count = try walk.read(into: buffer)
      if count > 0 { return count }
      walks.removeFirst()
    }
    return 0
  }
}
