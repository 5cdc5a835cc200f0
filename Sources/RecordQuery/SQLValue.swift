import CSQLite
import RecordSchema

/// A value that rows are looked up by: what SQL's `=` tells apart.
enum SQLKey: Hashable {
  case integer(Int64)
  case text([UInt8])

  /// The key for what SQLite compares with; nil for a value that equals no stored one.
  init?(_ value: OpaquePointer?) {
    switch sqlite3_value_type(value) {
    case SQLITE_INTEGER: self = .integer(sqlite3_value_int64(value))
    case SQLITE_FLOAT:
      guard let whole = Int64(exactly: sqlite3_value_double(value)) else { return nil }
      self = .integer(whole)
    case SQLITE_TEXT:
      let start = sqlite3_value_text(value)
      // SAFETY: SQLite gives the text's start and size; the bytes are copied at once.
      let text = UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(value)))
      self = .text(Array(text))
    default: return nil
    }
  }
}

extension Kind {
  /// The SQL type of a column: SQLite takes the affinity from the first word, and results take their
  /// kind from the second.
  var sqlType: String {
    switch self {
    case .enumeration, .flags, .timestamp, .ip, .list, .arguments, .text, .hex, .json:
      "TEXT text"
    case .path: "TEXT path"
    case .percent: "REAL real"
    default: "INT \(rawValue)"
    }
  }

  /// The kind that a result's declared type names; nil for the result of an expression.
  init?(sqlType: String) {
    guard let name = sqlType.split(separator: " ").last else { return nil }
    self.init(rawValue: String(name))
  }
}
