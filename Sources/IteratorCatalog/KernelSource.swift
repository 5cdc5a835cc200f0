import Glibc
public import KernelIterators
public import RecordSchema

/// What to read of a table.
public struct TableRequest: Sendable {
  /// The columns, and so what the program computes.
  public var projection: Projection
  /// The programs to run, by name; empty for all.
  public var programs: [String] = []
  /// The parts to walk, one after another.
  public var scopes: [IteratorScope] = [.all]
  /// Values of the schema's parameters.
  public var parameters: [String: UInt32] = [:]
  /// What fields must be equal to; only those that are filters, and that the projection has.
  public var matches: [String: FilterValue] = [:]
  /// Where relocated programs are kept between runs; nil for nowhere.
  public var cache: ProgramCache? = .standard

  /// Requests everything that the columns need.
  public init(_ projection: Projection) { self.projection = projection }
}

extension TableRequest {
  /// The programs to run, in the schema's order.
  var programNames: [String] {
    projection.schema.programs.map(\.name).filter { programs.isEmpty || programs.contains($0) }
  }

  /// Loads the table's programs.
  ///
  /// - Parameters:
  ///   - files: the table's program.
  ///   - slots: scratch slots: 1 for one reader, more for a pin with many.
  /// - Returns: the programs, ready to be attached.
  /// - Throws: `IteratorError`.
  func load(_ files: EmbeddedFiles, slots: UInt32) throws(IteratorError) -> LoadedPrograms {
    var constants = ProgramConstants(
      pageShift: UInt32(getpagesize().trailingZeroBitCount), processors: possibleProcessors())
    constants.parameters = parameters
    constants.matches = matches
    constants.slots = slots
    return try LoadedPrograms(
      files.object(of: projection.schema.name), programs: programNames,
      constants: constants.bytes(for: projection), slots: slots, cache: cache)
  }
}

/// The running kernel as a source of records: loads a table's programs, and walks with each.
public struct KernelSource: RecordSource, ~Copyable {
  private var walks: IteratorWalks

  /// Loads what the request needs.
  ///
  /// - Parameters:
  ///   - files: the table's program.
  ///   - request: what to read.
  ///   - onStall: called from another thread when a read takes more than 2 seconds, which happens
  ///     only where a column waits for a process's memory.
  /// - Throws: `IteratorError`.
  public init(
    _ files: EmbeddedFiles, _ request: TableRequest,
    onStall: (@Sendable (StallPlace) -> Void)? = nil
  ) throws(IteratorError) {
    let programs = try request.load(files, slots: 1)
    walks = IteratorWalks(programs, names: request.programNames, scopes: request.scopes)
    if let onStall, request.projection.mayWait { walks.reportStalls(onStall) }
  }

  /// Reads the next bytes; 0 at the end.
  ///
  /// - Throws: `IteratorError`.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(IteratorError) -> Int
  {
    try walks.read(into: buffer)
  }
}

/// Number of processors that this kernel may ever have: per-CPU values are summed over them.
func possibleProcessors() -> UInt32 {
  let text = fileContents("/sys/devices/system/cpu/possible") ?? []
  let last = text.split { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ",") || $0 == 10 }.last
  return last.flatMap { UInt32(String(decoding: $0, as: UTF8.self)) }.map { $0 + 1 } ?? 1
}
