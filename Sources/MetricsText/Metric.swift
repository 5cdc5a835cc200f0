/// A metric as a file defines it: an SQL statement below a header of comments.
///
/// ```sql
/// -- name: kiter_open_files
/// -- type: gauge
/// -- help: Open files by type.
/// SELECT type, count(*) AS value FROM files GROUP BY type
/// ```
///
/// The column `value` is the sample, each other column a label. `unit:` is for a name that ends with
/// one (`bytes`, `seconds`), as OpenMetrics wants it.
public struct Metric: Sendable, Equatable {
  /// What the values are.
  public enum Kind: String, Sendable, CaseIterable {
    /// A value that goes up and down.
    case gauge
    /// A value that only grows, until it begins anew; its name ends with `_total`.
    case counter
  }

  /// The name of its samples.
  public let name: String
  /// What the values are.
  public let kind: Kind
  /// What they are counted in; nil for a plain number.
  public let unit: String?
  /// A sentence for who looks at it.
  public let help: String
  /// The statement that gives its samples.
  public let statement: String

  /// Creates a metric.
  public init(name: String, kind: Kind, unit: String? = nil, help: String, statement: String = "") {
    self.name = name
    self.kind = kind
    self.unit = unit
    self.help = help
    self.statement = statement
  }

  /// Reads a file's text.
  ///
  /// - Throws: `MetricError` that says what is wrong with the header.
  public init(_ text: String) throws(MetricError) {
    let header = try MetricHeader(text)
    self.init(
      name: try header.required("name"), kind: try header.kind(), unit: header.values["unit"],
      help: try header.required("help"), statement: header.statement)
    try check()
  }

  /// The name without the end that a counter's samples have: what OpenMetrics calls the family.
  public var family: String { kind == .counter ? String(name.dropLast("_total".count)) : name }

  private func check() throws(MetricError) {
    guard isMetricName(name) else {
      throw MetricError("\"\(name)\" is no name: letters, digits and _, no digit first")
    }
    if (kind == .counter) != name.hasSuffix("_total") {
      throw MetricError("\(name): the name of a counter, and of nothing else, ends with _total")
    }
    if let unit, !family.hasSuffix("_\(unit)") {
      throw MetricError("\(name): the name does not end with its unit, _\(unit)")
    }
    if !statement.contains(where: { !$0.isWhitespace }) {
      throw MetricError("\(name): there is no statement below the header")
    }
  }
}

/// Is a text what a metric or a label may be called, without the colons that are for rules?
func isMetricName(_ text: String) -> Bool {
  guard let first = text.utf8.first, !(48...57).contains(first) else { return false }
  return text.utf8.allSatisfy { byte in
    switch byte {
    case 48...57, 65...90, 95, 97...122: true
    default: false
    }
  }
}

/// What is wrong with a metric's file.
public struct MetricError: Error, Equatable, CustomStringConvertible {
  /// On one line.
  public let description: String

  init(_ description: String) { self.description = description }
}
