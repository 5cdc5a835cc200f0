public import KernelIterators
import RecordSchema

/// Reads a table of the running kernel again and again: its programs are loaded once, and
/// each snapshot costs a walk and nothing else.
///
/// ```swift
/// var reader = try TableReader<TasksRecord>(columns: [.pid, .comm])
/// for _ in 0..<60 {
///   for task in try reader.snapshot() { print(task.pid ?? 0, task.comm ?? "") }
///   sleep(1)
/// }
/// ```
public struct TableReader<Record: KernelRecord>: ~Copyable {
  private let projection: Projection
  private let source: Source

  private enum Source {
    case direct(DirectSource)
    case seq(RepeatedSource)
  }

  /// Loads what the columns need.
  ///
  /// - Parameters:
  ///   - columns: what to read; the others are nil in each record.
  ///   - scope: what part of the kernel to walk.
  ///   - parameters: values of the schema's parameters.
  ///   - engine: how to read; nil for what is fastest on this host.
  ///   - cache: where relocated programs are kept between runs; nil for nowhere.
  /// - Throws: `IteratorError` if the kernel refuses or lacks something; with cause `invalid` if
  ///   the engine cannot give these columns or this scope.
  public init(
    columns: [Record.Column], scope: IteratorScope = .all, parameters: [String: UInt32] = [:],
    engine: WalkEngine? = nil, cache: ProgramCache? = .standard
  ) throws {
    let projection = try Projection(Record.schema, columns: columns.map(\.rawValue))
    var request = TableRequest(projection)
    request.scopes = [scope]
    request.parameters = parameters
    request.engine = engine
    request.cache = cache
    let direct = try DirectSource.ifSuitable(Record.files, request, isRepeated: true)
    if direct == nil && request.storedProgram == nil { request.engine = .seq }
    source = try direct.map { .direct($0) } ?? .seq(RepeatedSource(Record.files, request))
    self.projection = projection
  }

  /// How this reader reads.
  public var engine: WalkEngine {
    switch source {
    case .direct: .direct
    case .seq: .seq
    }
  }

  /// Reads the table as it is now.
  ///
  /// The records are a copy: they stay as they are, however long they are kept.
  ///
  /// - Returns: the records, in the kernel's order.
  /// - Throws: `IteratorError`, `StreamError`.
  public mutating func snapshot() throws -> Snapshot<Record> {
    switch source {
    case .direct(let walk):
      walk.restart()
      return try Snapshot(walk, projection: projection, host: .live())
    case .seq(let walks):
      walks.restart()
      return try Snapshot(walks, projection: projection, host: .live())
    }
  }
}
