import CSQLite
import Glibc
import RecordSchema

/// The tables of a database, and what the statement under way may do and does with them.
final class QuerySession {
  let tables: [SessionTable]
  /// When statements end, whether they are done or not, in nanoseconds of CLOCK_MONOTONIC.
  var deadline: UInt64?
  private let module = UnsafeMutablePointer<sqlite3_module>.allocate(capacity: 1)

  init(_ tables: [SessionTable]) {
    self.tables = tables
    module.initialize(to: VirtualTable.module())
  }

  deinit { module.deallocate() }

  /// Makes the tables known.
  func register(with database: OpaquePointer) {
    for table in tables {
      // SAFETY: module and tables live as long as this object, which outlives the database.
      sqlite3_create_module_v2(
        database, table.schema.name, module, Unmanaged.passUnretained(table).toOpaque(), nil)
    }
  }

  /// Forgets the last statement.
  func begin() { for table in tables { table.begin() } }

  /// Why a table could not be read.
  var failure: (any Error)? { tables.lazy.compactMap(\.failure).first }

  /// Notes which tables are used more than once.
  ///
  /// - Returns: true if any is, and was not known to be.
  func markShared(_ uses: [UInt]) -> Bool {
    var isNew = false
    for table in tables where uses.count(where: { $0 == table.address }) > 1 {
      table.isShared = true
      isNew = true
    }
    return isNew
  }

  /// Is it time for the statement to end?
  static let isOverdue: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { context in
    guard let context else { return 1 }
    // SAFETY: the context is the session, which lives as long as the database.
    let session = Unmanaged<QuerySession>.fromOpaque(context).takeUnretainedValue()
    guard let deadline = session.deadline else { return 0 }
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec) > deadline ? 1 : 0
  }

  /// May the statement do this (https://sqlite.org/c3ref/c_alter_table.html)?
  static let authorize:
    @convention(c) (
      UnsafeMutableRawPointer?, Int32, UnsafePointer<CChar>?, UnsafePointer<CChar>?,
      UnsafePointer<CChar>?, UnsafePointer<CChar>?
    ) -> Int32 = { context, action, first, second, _, _ in
      guard let context else { return SQLITE_DENY }
      // SAFETY: the context is the session, which lives as long as the database.
      let session = Unmanaged<QuerySession>.fromOpaque(context).takeUnretainedValue()
      return session.permits(
        action, first.map { String(cString: $0) }, second.map { String(cString: $0) })
        ? SQLITE_OK : SQLITE_DENY
    }

  private func permits(_ action: Int32, _ first: String?, _ second: String?) -> Bool {
    if tables.contains(where: \.isDeclaring) { return true }
    switch action {
    case SQLITE_SELECT, SQLITE_RECURSIVE: return true
    case SQLITE_FUNCTION: return second != "load_extension"
    case SQLITE_READ:
      if let second { tables.first { $0.schema.name == first }?.use(second) }
      return true
    default: return false
    }
  }
}
