import Foundation
import Testing

/// Compares the fields of a table with what an oracle says, and keeps account of what was compared.
struct FieldComparison {
  private let table: String
  /// They are null, whatever the oracle knows.
  private let lacking: Set<String>
  private var compared: [String: Int] = [:]
  private var differences: [String] = []

  /// Starts with nothing compared.
  init(_ table: String) {
    self.table = table
    lacking = (try? KernelColumns.lacking(table)) ?? []
  }

  /// The field of one row; `expected` is nil where the value must be null.
  mutating func compare<Value: Equatable>(
    _ field: String, _ found: Value?, _ expected: Value?, in row: @autoclosure () -> String
  ) {
    compared[field, default: 0] += 1
    guard found != (lacking.contains(field) ? nil : expected) else { return }
    let values = "\(show(found)) instead of \(show(expected))"
    differences.append("\(table).\(field) of \(row()): \(values)")
  }

  /// Checks that nothing differed, and that each field of the schema was compared or has no oracle.
  func finish(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let few = differences.prefix(20).joined(separator: "\n")
    #expect(
      differences.isEmpty, "\(differences.count) differ:\n\(few)", sourceLocation: sourceLocation)
    let schema = try JSONDecoder().decode(
      Facts.self, from: try Kiter.run(["schema", table]).stdout)
    for field in try schema["fields"].array where try !field["oracle"].string.hasPrefix("none:") {
      let name = try field["name"].string
      #expect(compared[name] != nil, "\(name) was not compared", sourceLocation: sourceLocation)
    }
    let list = compared.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    print("compared fields of \(table): \(list.joined(separator: ", "))")
  }

  private func show<Value>(_ value: Value?) -> String { value.map { "\($0)" } ?? "null" }
}
