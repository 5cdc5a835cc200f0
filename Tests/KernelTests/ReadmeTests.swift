import Foundation
import IteratorCatalog
import RecordSchema
import Testing

/// The README's list of tables is what the schemas say. RECORD_README=1 writes it (`make readme`).
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
}
