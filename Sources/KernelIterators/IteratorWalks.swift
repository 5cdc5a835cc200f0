/// Several walks with the programs of one table, read as one stream.
public struct IteratorWalks: ~Copyable {
  private let programs: LoadedPrograms
  private let walks: [(program: String, scope: IteratorScope)]
  /// Are walks left out that cannot be made? Their objects were found, not named.
  private let isSweep: Bool
  /// The next of them.
  private var next = 0
  private var reader: IteratorReader<KernelCalls>?
  private var watch: StallWatch?

  /// Plans a walk with each program over each scope; in a sweep, those that cannot be walked are
  /// left out.
  public init(
    _ programs: consuming LoadedPrograms, names: [String], scopes: [IteratorScope],
    isSweep: Bool = false
  ) {
    self.programs = programs
    self.isSweep = isSweep
    walks = scopes.flatMap { scope in names.map { ($0, scope) } }
  }

  /// Begins again with the first walk: what is read then is the kernel as it is then.
  public mutating func restart() {
    reader = nil
    next = 0
  }

  /// Calls `report` from another thread when a read takes more than 2 seconds.
  public mutating func reportStalls(_ report: @escaping @Sendable (StallPlace) -> Void) {
    watch = programs.watch(report)
  }

  /// Reads the next bytes; a walk's end begins the next walk; 0 at the end of the last.
  ///
  /// - Throws: `IteratorError`.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(IteratorError) -> Int
  {
    watch?.clocks[0].readBegins()
    defer { watch?.clocks[0].readEnds() }
    while true {
      if let count = try reader?.read(into: buffer), count > 0 { return count }
      guard next < walks.count else { return 0 }
      let walk = walks[next]
      next += 1
      do {
        reader = try programs.attach(walk.program, scope: walk.scope).open()
      } catch  where isSweep && [.unsupported, .invalid].contains(error.cause) {
        reader = nil
      }
    }
  }
}
