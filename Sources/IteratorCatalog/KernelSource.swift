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
  /// How to read them; nil for what is fastest on this host.
  public var engine: WalkEngine?
  /// What fields must be equal to; only those that are filters, and that the projection has.
  public var matches: [String: FilterValue] = [:]
  /// Are the walks made in each network namespace of the host? Else they show the caller's, if they
  /// show one at all.
  public var allNetworks = false
  /// Where relocated programs are kept between runs; nil for nowhere.
  public var cache: ProgramCache? = .standard

  /// Requests everything that the columns need.
  public init(_ projection: Projection) { self.projection = projection }

  /// The programs that the rows come from, in the schema's order.
  public var selectedPrograms: [Schema.Program] {
    projection.schema.programs.filter { programs.isEmpty || programs.contains($0.name) }
  }

  /// What the programs are attached to: a walk over cgroups is always below one of them.
  ///
  /// - Throws: `IteratorError`.
  func walkScopes() throws(IteratorError) -> [IteratorScope] {
    guard scopes == [.all], selectedPrograms.allSatisfy({ $0.target == "cgroup" }) else {
      return scopes
    }
    return try cgroupHierarchies(iterator: projection.schema.name)
  }

  /// Loads the programs for walks over each scope.
  func walks(_ files: EmbeddedFiles, _ onStall: (@Sendable (StallPlace) -> Void)? = nil)
    throws(IteratorError) -> IteratorWalks
  {
    let names = selectedPrograms.map(\.name)
    let isSweep = projection.schema.scopes.contains(.map) && scopes == [.all]
    // Before loading: the maps of this program are not meant.
    let scopes =
      isSweep
      ? try KernelMap.numbers(iterator: projection.schema.name).map { .map($0) } : try walkScopes()
    var request = self
    request.projection = projection.tellingRepeats
    let cache = cache
    var walks = IteratorWalks(
      try request.load(files, names), names: names, scopes: scopes, isSweep: isSweep,
      networks: allNetworks
        ? { () throws(IteratorError) in try networkNamespaces(cache) } : nil)
    if let onStall, projection.mayWait { walks.reportStalls(onStall) }
    return walks
  }

  /// Loads C functions of the table's object file.
  ///
  /// - Parameters:
  ///   - files: the table's program.
  ///   - names: the functions.
  ///   - slots: scratch slots: 1 for one reader, more for a pin with many.
  ///   - memory: for a program that walks by itself.
  /// - Returns: the programs, ready to be attached.
  /// - Throws: `IteratorError`.
  public func load(
    _ files: EmbeddedFiles, _ names: [String], slots: UInt32 = 1,
    memory: DirectMemorySize? = nil
  ) throws(IteratorError) -> LoadedPrograms {
    var constants = ProgramConstants(
      pageShift: UInt32(getpagesize().trailingZeroBitCount), processors: possibleProcessors())
    constants.parameters = parameters
    constants.matches = matches
    constants.slots = slots
    do {
      return try LoadedPrograms(
        files.object(of: projection.schema.name), programs: names,
        constants: constants.bytes(for: projection), slots: constants.slots, memory: memory,
        cache: cache)
    } catch { throw named(error) }
  }

  /// The error with the Linux that it takes, where this one is older.
  private func named(_ error: IteratorError) -> IteratorError {
    guard let kernel = KernelSupport() else { return error }
    let missing = selectedPrograms.first { !kernel.hasIterator($0.target) }
    // Such a kernel has all that came with 6.1: what it lacks of that is nowhere, an outsider's mistake.
    let isOld = !kernel.isNewEnough()
    if error.cause == .notPermitted && !isOld { return error }
    guard let since = isOld ? "6.1" : missing?.since, isOld || since != "6.1" else { return error }
    var error = error
    error.cause = .unsupported
    error.code = 0
    error.advice = "needs Linux \(since) or later; kiter list shows what this kernel has"
    return error
  }
}

/// The running kernel as a source of records: loads a table's programs, and walks with each.
public struct KernelSource: RecordSource, ~Copyable {
  // One of the four.
  private let direct: DirectSource?
  private var owned: OwnedSource?
  private var walks: IteratorWalks?
  private var stored: StoredWalk?

  /// Loads what the request needs.
  ///
  /// - Parameters:
  ///   - files: the table's program.
  ///   - request: what to read.
  ///   - isRepeated: will it be read more than once? Then another engine may be the fastest.
  ///   - onStall: called from another thread when a read takes more than 2 seconds, which happens
  ///     only where a column waits for a process's memory.
  /// - Throws: `IteratorError`.
  public init(
    _ files: EmbeddedFiles, _ request: TableRequest, isRepeated: Bool = false,
    onStall: (@Sendable (StallPlace) -> Void)? = nil
  ) throws(IteratorError) {
    if let owned = try OwnedSource.ifAsked(files, request, onStall) {
      self.owned = owned
      direct = nil
      return
    }
    if request.engine == .seq, let obstacle = request.obstacleToSeq {
      throw IteratorError(
        iterator: request.projection.schema.name, stage: .load, cause: .invalid, advice: obstacle)
    }
    if request.engine != .seq, let program = request.storedProgram {
      stored = try StoredWalk(
        program.name + "_direct", iterator: request.projection.schema.name,
        scopes: try request.walkScopes(),
        size: request.storedCount * request.projection.storedSize
      ) { memory throws(IteratorError) in
        try request.load(files, [program.name + "_direct"], memory: memory)
      }
      direct = nil
      return
    }
    let direct = try DirectSource.ifSuitable(files, request, isRepeated: isRepeated, onStall)
    walks = direct == nil ? try request.walks(files, onStall) : nil
    self.direct = direct
  }

  /// Has it threads of its own, so that nobody need read ahead?
  public var readsAhead: Bool { direct != nil }

  /// Begins again: what is read then is the kernel as it is then.
  mutating func restart() {
    direct?.restart()
    owned?.restart()
    stored?.restart()
    walks?.restart()
  }

  /// Reads the next bytes; 0 at the end.
  ///
  /// - Throws: `IteratorError`.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if let count = try direct?.read(into: buffer) { return count }
    if let count = try owned?.read(into: buffer) { return count }
    if let count = try stored?.read(into: buffer) { return count }
    return try walks?.read(into: buffer) ?? 0
  }
}

/// Number of processors that this kernel may ever have: per-CPU values are summed over them.
func possibleProcessors() -> UInt32 {
  let text = fileContents("/sys/devices/system/cpu/possible") ?? []
  let last = text.split { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ",") || $0 == 10 }.last
  return last.flatMap { UInt32(String(decoding: $0, as: UTF8.self)) }.map { $0 + 1 } ?? 1
}
