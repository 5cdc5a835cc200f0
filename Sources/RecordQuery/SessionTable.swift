import CSQLite
import RecordSchema

/// A table as the statement under way sees it: read at most once for each way to narrow it.
final class SessionTable {
  let schema: Schema
  let columns: [Field]
  private let table: QueryTable
  private let host: HostFacts

  /// The columns that the statement uses, by number.
  private var used: Set<Int> = []
  /// Is it in the statement more than once? All uses must see the same rows.
  var isShared = false
  private var loaded: [TableScan: LoadedTable] = [:]
  /// Where SQLite's part of it is, as EXPLAIN shows it.
  var address: UInt?
  /// Is SQLite being told the columns? That asks the authorizer for things that queries may not do.
  var isDeclaring = false
  /// Why it could not be read.
  private(set) var failure: (any Error)?

  init(_ table: QueryTable, host: HostFacts) {
    self.table = table
    self.host = host
    schema = table.schema
    columns = table.schema.columns
  }

  /// The statement that makes SQLite know its columns.
  var declaration: String {
    let list = columns.map { "\"\($0.name)\" \($0.kind.sqlType)" }.joined(separator: ", ")
    return "CREATE TABLE x(\(list))"
  }

  /// Forgets the last statement.
  func begin() {
    used = []
    loaded = [:]
    failure = nil
    isShared = false
  }

  /// The statement reads this column.
  func use(_ name: String) {
    if let index = columns.firstIndex(where: { $0.name == name }) { used.insert(index) }
  }

  /// A scan of the columns that the statement uses; a walk without columns still counts rows.
  var scan: TableScan { TableScan(columns: used.sorted().map { columns[$0].name }) }

  /// The records that the statement has read; nil if it did not get so far.
  var records: StoredRecords? { loaded.values.first?.records }

  /// What the statement did not see as it is, by column.
  var notes: [QueryNote] {
    columns.compactMap { column in
      let note = QueryNote(
        table: schema.name, column: column.name,
        unreadable: loaded.values.reduce(0) { $0 + ($1.unreadable[column.name]?.count ?? 0) },
        cut: loaded.values.reduce(0) { $0 + ($1.cut[column.name]?.count ?? 0) })
      return note.unreadable + note.cut > 0 ? note : nil
    }
  }

  /// The records of a scan; nil, with `failure` set, if they cannot be read.
  func load(_ scan: TableScan) -> LoadedTable? {
    if let table = loaded[scan] { return table }
    do {
      let table = LoadedTable(try table.read(scan), columns: columns, host: host)
      loaded[scan] = table
      return table
    } catch {
      failure = error
      return nil
    }
  }

  /// Has the kernel leave out the rows in which a column differs from a value.
  ///
  /// - Returns: false if no row can have that value.
  func narrow(_ scan: inout TableScan, _ field: Field, to key: SQLKey) -> Bool {
    if ["pid", "tid", "map_id"].contains(field.name) && !field.isFilter {
      guard case .integer(let number) = key, let number = UInt32(exactly: number), number > 0 else {
        return false
      }
      switch field.name {
      case "pid": scan.pid = number
      case "tid": scan.tid = number
      default: scan.map = number
      }
      return true
    }
    guard let value = match(field, key) else { return false }
    scan.matches[field.name] = value
    return true
  }

  /// What a column must be equal to, as the program compares it; nil if no record can be.
  private func match(_ field: Field, _ key: SQLKey) -> FilterValue? {
    switch (key, field.type) {
    case (.text(let bytes), .text): return bytes.count <= FilterValue.textMax ? .text(bytes) : nil
    case (.text(let bytes), _):
      let text = String(decoding: bytes, as: UTF8.self)
      let set = schema.names.first { $0.name == field.names }
      return set?.values.first { $0.name == text }.map { .number($0.value) }
    case (.integer(let number), .text): return .text(Array("\(number)".utf8))
    case (.integer(let number), _):
      return field.kind == .enumeration ? nil : .number(UInt64(bitPattern: number))
    }
  }
}
