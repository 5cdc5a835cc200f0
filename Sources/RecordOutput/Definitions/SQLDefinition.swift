public import RecordSchema

/// A database whose tables can hold what JSON Lines or CSV have.
public enum SQLDialect: String, Sendable, CaseIterable {
  case clickhouse, duckdb, sqlite
}

extension Schema {
  /// The statement that makes a table for this one's rows, with room for what `RowStamp` adds, if
  /// wanted: for JSON Lines, and in SQLite, which has no arrays, for CSV.
  public func definition(for dialect: SQLDialect, stamp: Bool) -> String {
    let marks = dialect == .sqlite ? [] : DefinedColumn.marks
    let columns = DefinedColumn.all(of: self, stamp: stamp) + marks
    let lines = columns.enumerated().map { index, column in
      let comma = index == columns.count - 1 ? "" : ","
      let start = "  \(quoted(column.name, "\"")) \(column.type(in: dialect))"
      return dialect == .clickhouse
        ? "\(start) COMMENT \(quoted(column.summary, "'"))\(comma)"
        : "\(start)\(comma)  -- \(column.summary)"
    }
    let start = "-- \(summary)\nCREATE TABLE \(quoted(name, "\""))\n(\n"
    return start + lines.joined(separator: "\n") + "\n)\(tableOptions(dialect, stamp));\n"
  }

  /// What follows the columns.
  private func tableOptions(_ dialect: SQLDialect, _ stamp: Bool) -> String {
    switch dialect {
    case .clickhouse:
      "\nENGINE = MergeTree\nORDER BY \(stamp ? "(host, time)" : "tuple()")"
    case .duckdb, .sqlite: ""
    }
  }

  private func quoted(_ text: String, _ quote: Character) -> String {
    // Only ClickHouse takes a backslash for more than itself.
    let text = quote == "'" ? text.map { $0 == "\\" ? "\\\\" : String($0) }.joined() : text
    return "\(quote)" + text.map { $0 == quote ? "\(quote)\(quote)" : String($0) }.joined()
      + "\(quote)"
  }
}

extension DefinedColumn {
  fileprivate func type(in dialect: SQLDialect) -> String {
    switch dialect {
    case .clickhouse: clickHouseType
    case .duckdb: duckDBType + (isKnown ? " NOT NULL" : "")
    case .sqlite: sqliteType + (isKnown ? " NOT NULL" : "")
    }
  }

  /// What the rows are sorted by cannot be null there, nor can an array.
  private var clickHouseType: String {
    if name == "host" { return "LowCardinality(String)" }
    switch shape {
    case .name: return "LowCardinality(Nullable(String))"
    case .names: return "Array(LowCardinality(String))"
    case .numbers(let type): return "Array(\(Self.clickHouse(type)))"
    default: return isKnown ? plainClickHouseType : "Nullable(\(plainClickHouseType))"
    }
  }

  private var plainClickHouseType: String {
    switch shape {
    case .integer(let type): Self.clickHouse(type)
    case .real: "Float64"
    case .boolean: "Bool"
    case .uuid: "UUID"
    case .moment(let precision): "DateTime64(\(precision.rawValue), 'UTC')"
    case .text, .name, .names, .numbers, .ip, .json: "String"
    }
  }

  private static func clickHouse(_ type: FieldType) -> String {
    "\(isSigned(type) ? "Int" : "UInt")\(8 * type.size)"
  }

  private var duckDBType: String {
    switch shape {
    case .integer(let type): Self.duckDB(type)
    case .real: "DOUBLE"
    case .boolean: "BOOLEAN"
    case .uuid: "UUID"
    case .moment(.milliseconds): "TIMESTAMP"
    case .moment(.nanoseconds): "TIMESTAMP_NS"
    case .names: "VARCHAR[]"
    case .numbers(let type): Self.duckDB(type) + "[]"
    case .json: "JSON"
    case .text, .name, .ip: "VARCHAR"
    }
  }

  private static func duckDB(_ type: FieldType) -> String {
    let names = [1: "TINYINT", 2: "SMALLINT", 4: "INTEGER"]
    return (isSigned(type) ? "" : "U") + (names[type.size] ?? "BIGINT")
  }

  private var sqliteType: String {
    switch shape {
    case .integer: "INTEGER"
    case .real: "REAL"
    default: "TEXT"
    }
  }

  private static func isSigned(_ type: FieldType) -> Bool {
    switch type {
    case .s8, .s16, .s32, .s64: true
    default: false
    }
  }
}
