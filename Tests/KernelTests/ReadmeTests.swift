import Foundation
import IteratorCatalog
import RecordSchema
import Testing

/// The README's list of tables and docs/tables.md are what the schemas say. RECORD_README=1 writes them
/// (`make readme`).
@Suite struct ReadmeTests {
  private static let begin = "<!-- tables: written from the schemas by `make readme` -->\n"
  private static let end = "<!-- end of tables -->"

  private static func row(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |\n" }

  private static func row(of schema: Schema) -> String {
    let targets = schema.programs.map { "`\($0.target)`" }.joined(separator: ", ")
    return row([
      "`\(schema.name)`", schema.summary, targets, schema.programs.map(\.since).min() ?? "",
      "\(schema.columns.count)",
    ])
  }

  private static var table: String {
    var text = row(["Table", "Rows", "Iterators", "Since Linux", "Columns"])
    text += row(["---", "---", "---", "---", "---:"])
    for table in Catalog.tables { text += row(of: table.schema) }
    return text
  }

  @Test func theTablesAreThoseOfTheSchemas() throws {
    let file = packageRoot().appending(path: "README.md")
    let readme = try String(contentsOf: file, encoding: .utf8)
    let begin = try #require(readme.range(of: Self.begin))
    let end = try #require(readme.range(of: Self.end))
    guard ProcessInfo.processInfo.environment["RECORD_README"] == nil else {
      let renewed = readme[..<begin.upperBound] + Self.table + readme[end.lowerBound...]
      return try renewed.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(readme[begin.upperBound..<end.lowerBound] == Self.table, "make readme writes it anew")
  }

  /// Every column of a table.
  private static func section(of schema: Schema) -> String {
    let targets = schema.programs.map { "`\($0.target)`" }.joined(separator: ", ")
    var text = "\n## \(schema.name)\n\n\(schema.summary). From \(targets).\n\n"
    text += row(["Column", "Kind", "Meaning", "In the kernel", "Since"])
    text += row(["---", "---", "---", "---", "---"])
    for field in schema.columns {
      let name = field.isDefault ? "**`\(field.name)`**" : "`\(field.name)`"
      let cells = [name, field.kind.rawValue, field.summary, field.source, field.since ?? ""]
      text += row(cells.map { $0.replacing("|", with: "\\|") })
    }
    return text
  }

  @Test func theColumnsAreThoseOfTheSchemas() throws {
    let file = packageRoot().appending(path: "docs/tables.md")
    let text =
      """
      # Tables and their columns

      Written from the schemas by `make readme`. Columns in bold are shown by default. A column that is
      newer than Linux 6.1 says since when it is there; on older kernels it is null.

      """ + Catalog.tables.map { Self.section(of: $0.schema) }.joined()
    guard ProcessInfo.processInfo.environment["RECORD_README"] == nil else {
      return try text.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: file, encoding: .utf8) == text, "make readme writes it anew")
  }
}
