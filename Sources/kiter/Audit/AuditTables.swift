import IteratorCatalog
import KernelIterators
import RecordSchema

/// The running kernel's tables, each read anew when it is asked for.
struct AuditTables {
  /// Where relocated programs are kept; nil for nowhere.
  let cache: ProgramCache?

  func read<Record: KernelRecord>(
    _ table: Record.Type, _ columns: [Record.Column], programs: [String] = [],
    parameters: [String: UInt32] = [:], engine: WalkEngine? = nil
  ) throws -> Snapshot<Record> {
    let projection = try Projection(Record.schema, columns: columns.map(\.rawValue))
    var request = TableRequest(projection)
    request.cache = cache
    request.programs = programs
    request.parameters = parameters
    request.engine = engine
    let stall = StallReport(projection: projection, scopes: request.scopes)
    do {
      let source = try KernelSource(Record.files, request) { report(stall.text($0)) }
      return try Snapshot(source, projection: projection, host: .live())
    } catch var error as IteratorError where error.cause == .notPermitted {
      // No pin helps: bpf(2) and others' /proc are root's.
      error.advice = permissionAdvice(canBePinned: false)
      throw error
    }
  }
}
