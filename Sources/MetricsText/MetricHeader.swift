/// The lines `-- key: value` that a metric's file begins with, and what follows them.
struct MetricHeader {
  private(set) var values: [String: String] = [:]
  let statement: String

  private static let keys = ["name", "type", "unit", "help"]

  init(_ text: String) throws(MetricError) {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let header = lines.prefix { $0.hasPrefix("--") }
    statement = lines[header.endIndex...].joined(separator: "\n")
    for line in header {
      let content = line.drop { $0 == "-" || $0 == " " }
      guard !content.isEmpty else { continue }
      let parts = content.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, let key = Self.keys.first(where: { $0 == parts[0] }) else {
        throw MetricError(
          "\"\(line)\" is no line of a header: -- \(Self.keys.joined(separator: ", ")), a colon, "
            + "and what it is")
      }
      let value = String(parts[1].drop { $0 == " " })
      guard values.updateValue(value, forKey: key) == nil else {
        throw MetricError("\(key) is there twice")
      }
    }
  }

  func required(_ key: String) throws(MetricError) -> String {
    guard let value = values[key], !value.isEmpty else {
      throw MetricError("the header has no line -- \(key): …")
    }
    return value
  }

  func kind() throws(MetricError) -> Metric.Kind {
    let text = try required("type")
    guard let kind = Metric.Kind(rawValue: text) else {
      let kinds = Metric.Kind.allCases.map(\.rawValue).joined(separator: " or ")
      throw MetricError("type: \(kinds), not \"\(text)\"")
    }
    return kind
  }
}
