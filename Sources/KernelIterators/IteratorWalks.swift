/// Several walks with the programs of one table, read as one stream.
public struct IteratorWalks: ~Copyable {
  private struct Walk {
    let program: String
    let scope: IteratorScope
    /// Where; nil for the caller's.
    let network: NetworkNamespace?
  }

  private let programs: LoadedPrograms
  private let names: [String]
  private let scopes: [IteratorScope]
  /// Are walks left out that cannot be made? Their objects were found, not named.
  private let isSweep: Bool
  private let networks: (() throws(IteratorError) -> [NetworkNamespace])?
  /// Nil before the first.
  private var walks: [Walk]?
  /// The next of them.
  private var next = 0
  private var reader: IteratorReader<KernelCalls>?
  /// What walks are started from in one network namespace after another.
  private var link: IteratorLink?
  /// Network namespaces that could not be entered, and why.
  private var closed: [UInt32: Int32] = [:]
  private var watch: StallWatch?

  /// Plans a walk with each program over each scope; in a sweep, those that cannot be walked are
  /// left out.
  ///
  /// - Parameters:
  ///   - programs: the loaded programs.
  ///   - names: those to walk with.
  ///   - scopes: what to walk over.
  ///   - isSweep: were the scopes found, and not named?
  ///   - networks: finds the network namespaces to walk in; nil for that of the caller.
  public init(
    _ programs: consuming LoadedPrograms, names: [String], scopes: [IteratorScope],
    isSweep: Bool = false, networks: (() throws(IteratorError) -> [NetworkNamespace])? = nil
  ) {
    self.programs = programs
    self.names = names
    self.scopes = scopes
    self.isSweep = isSweep
    self.networks = networks
  }

  /// Begins again with the first walk: what is read then is the kernel as it is then.
  public mutating func restart() {
    reader = nil
    walks = nil
    closed = [:]
  }

  /// Calls `report` from another thread when a read takes more than 2 seconds.
  public mutating func reportStalls(_ report: @escaping @Sendable (StallPlace) -> Void) {
    watch = programs.watch(report)
  }

  /// Reads the next bytes; a walk's end begins the next walk; 0 at the end of the last.
  ///
  /// - Throws: `IteratorError`; at the end one with cause `incomplete` if a network namespace could
  ///   not be entered.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(IteratorError) -> Int
  {
    watch?.clocks[0].readBegins()
    defer { watch?.clocks[0].readEnds() }
    let walks = try planned()
    while true {
      if let count = try reader?.read(into: buffer), count > 0 { return count }
      guard next < walks.count else {
        link = nil
        if !closed.isEmpty { throw incomplete() }
        return 0
      }
      try begin(walks[next], isFirst: next == 0 || walks[next - 1].program != walks[next].program)
      next += 1
    }
  }

  private mutating func planned() throws(IteratorError) -> [Walk] {
    if let walks { return walks }
    var places: [NetworkNamespace?] = [nil]
    if let networks { places = try networks() }
    let all = scopes.flatMap { scope in
      names.flatMap { name in
        places.map { Walk(program: name, scope: scope, network: $0) }
      }
    }
    next = 0
    walks = all
    return all
  }

  /// Opens a walk; there is none to read if its place has gone or cannot be reached.
  private mutating func begin(_ walk: Walk, isFirst: Bool) throws(IteratorError) {
    reader = nil
    if let network = walk.network {
      if isFirst { link = try programs.attach(walk.program, scope: walk.scope) }
      return try begin(in: network)
    }
    do {
      reader = try programs.attach(walk.program, scope: walk.scope).open()
    } catch  where isSweep && [.unsupported, .invalid].contains(error.cause) {
      return
    }
  }
  /// A walk shows the namespace in which it was opened, wherever it is read.
  private mutating func begin(in network: NetworkNamespace) throws(IteratorError) {
    let visit: NetworkVisit
    do throws(NetworkVisit.Refusal) {
      guard let entered = try NetworkVisit(network) else { return }
      visit = entered
    } catch {
      closed[network.number] = error.code
      return
    }
    reader = try link?.open()
    _ = consume visit
  }

  private func incomplete() -> IteratorError {
    let first = closed.min { $0.key < $1.key }
    let reason = first.map { "\($0.key): \(errorText($0.value))" } ?? ""
    return IteratorError(
      iterator: programs.iterator, stage: .read, cause: .incomplete,
      advice: "\(closed.count) network namespaces cannot be entered (\(reason)), and what is in "
        + "them is missing; run kiter as root of the host")
  }
}
