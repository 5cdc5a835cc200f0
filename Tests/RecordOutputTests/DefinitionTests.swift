import Foundation
import RecordOutput
import RecordSchema
import TestRecords
import Testing

/// Tables of other programs for a field of every shape. That the programs take them is for FleetTests.
@Suite struct DefinitionTests {
  /// Each column's type, by name.
  private func types(_ dialect: SQLDialect, stamp: Bool = false) -> [String: String] {
    var types: [String: String] = [:]
    for line in testSchema.definition(for: dialect, stamp: stamp).split(separator: "\n") {
      guard let match = line.wholeMatch(of: #/  "([a-z_]+)" (.+?),?(  --.*| COMMENT .*)?/#) else {
        continue
      }
      types[String(match.1)] = String(match.2)
    }
    return types
  }

  @Test func clickHouseKnowsNullButInArrays() {
    let types = types(.clickhouse, stamp: true)
    let wanted = [
      "host": "LowCardinality(String)", "boot_id": "Nullable(UUID)", "time": "DateTime64(9, 'UTC')",
      "pid": "Nullable(UInt32)", "nice": "Nullable(Int8)",
      "state": "LowCardinality(Nullable(String))", "modes": "Array(LowCardinality(String))",
      "rss_bytes": "Nullable(UInt64)", "where": "Nullable(String)", "is_new": "Nullable(Bool)",
      "groups": "Array(UInt32)", "started_at": "Nullable(DateTime64(3, 'UTC'))",
      "_cut": "Array(LowCardinality(String))",
    ]
    for (name, type) in wanted { #expect(types[name] == type, "\(name)") }
    #expect(types.count == testSchema.columns.count + 5)
    #expect(
      testSchema.definition(for: .clickhouse, stamp: true)
        .hasSuffix("ENGINE = MergeTree\nORDER BY (host, time);\n"))
    #expect(
      testSchema.definition(for: .clickhouse, stamp: false)
        .hasSuffix("ENGINE = MergeTree\nORDER BY tuple();\n"))
  }

  @Test func duckDBHasAllTypes() {
    let types = types(.duckdb, stamp: true)
    let wanted = [
      "host": "VARCHAR", "boot_id": "UUID", "time": "TIMESTAMP_NS NOT NULL", "pid": "UINTEGER",
      "nice": "TINYINT", "state": "VARCHAR", "modes": "VARCHAR[]", "rss_bytes": "UBIGINT",
      "is_new": "BOOLEAN", "groups": "UINTEGER[]", "started_at": "TIMESTAMP",
      "_unreadable": "VARCHAR[]",
    ]
    for (name, type) in wanted { #expect(types[name] == type, "\(name)") }
  }

  @Test func sqliteTakesCSVAndSoHasNoMarks() {
    let types = types(.sqlite)
    #expect(Set(types.values) == ["INTEGER", "TEXT"])
    #expect(types.count == testSchema.columns.count && types["_cut"] == nil)
  }

  /// A summary may hold what ends a text, and ClickHouse takes backslashes for more than themselves.
  @Test func quotesAreDoubled() {
    var schema = testSchema
    schema.fields[0].summary = "a \\ and the kernel's"
    let text = schema.definition(for: .clickhouse, stamp: false)
    #expect(text.contains(#""pid" Nullable(UInt32) COMMENT 'a \\ and the kernel''s',"#))
  }

  @Test func theJSONSchemaIsJSONThatNamesEachColumn() throws {
    for stamp in [false, true] {
      let data = Data(testSchema.jsonSchema(stamp: stamp).utf8)
      let schema = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      let properties = try #require(schema["properties"] as? [String: [String: Any]])
      let own = testSchema.columns.map(\.name) + ["_cut", "_unreadable"]
      #expect(Set(properties.keys) == Set(own + (stamp ? RowStamp.columns : [])))
      #expect(properties["nice"]?["minimum"] as? Int == -128)
      #expect(properties["started_at"]?["format"] as? String == "date-time")
    }
  }
}
