import Glibc
import IteratorCatalog
import KernelIterators
import RecordQuery
import RecordSchema

/// What one look at a table showed.
struct Look {
  let rows: SelectedRecords
  /// The columns to show.
  let projection: Projection
  /// Nanoseconds since 1970.
  let time: UInt64
}

/// Looks at a table again and again.
final class Looker {
  private let database: QueryDatabase
  private let held: HeldTable
  private let table: String
  private let shown: Projection
  private let isCounting: Bool
  private let groups: [String]

  init(_ table: QueryTable, shown: Projection, query: QueryOptions, host: HostFacts) throws {
    self.table = table.schema.name
    self.shown = shown
    isCounting = query.isCounting
    groups = try query.groupColumns(of: table.schema)
    let columns = isCounting ? groups : shown.columns.map(\.field.name)
    held = HeldTable(table, shown: columns)
    database = try QueryDatabase(tables: [held.table], host: host)
  }

  /// Looks at the table as it is now; or, if it is not to be read anew, at other rows of what the
  /// look before has read.
  ///
  /// - Throws: `QueryError`, or why the table cannot be read.
  func look(_ query: RowQuery, anew: Bool) throws -> Look {
    if anew { held.expire() }
    if isCounting {
      let counts = try database.count(query, by: groups, from: table)
      let projection = Projection(allOf: counts.schema)
      let records = try StoredRecords(counts, projection: projection)
      return Look(rows: records.all, projection: projection, time: time)
    }
    let rows = try database.select(query, from: table)
    return Look(rows: rows, projection: shown, time: time)
  }

  /// When the table was read: the clock may have been set since the look before.
  private var time: UInt64 {
    let now = (boot: clockTime(CLOCK_BOOTTIME), wall: clockTime(CLOCK_REALTIME))
    return now.wall - (now.boot - (held.readAt ?? now.boot))
  }
}
