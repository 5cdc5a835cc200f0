/// Samples as a scraper reads them.
public struct Exposition {
  /// The two texts that Prometheus and its like take.
  public enum Format: Sendable, Equatable, CaseIterable {
    /// Prometheus' own text, version 0.0.4.
    case prometheus
    /// OpenMetrics, version 1.0.0.
    case openMetrics

    /// The one that a request asks for in its `Accept` header.
    public init(accepting header: String) {
      self = header.contains("application/openmetrics-text") ? .openMetrics : .prometheus
    }

    /// What the answer says of itself.
    public var contentType: String {
      switch self {
      case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
      case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
      }
    }
  }

  private let format: Format
  private var text = ""

  /// Begins a text.
  public init(_ format: Format) { self.format = format }

  /// Adds a metric with its samples; one without any still says what it is.
  public mutating func add(_ metric: Metric, _ samples: [Sample]) {
    let name = format == .openMetrics ? metric.family : metric.name
    text += "# HELP \(name) \(Self.escaped(metric.help, quotes: format == .openMetrics))\n"
    text += "# TYPE \(name) \(metric.kind.rawValue)\n"
    if format == .openMetrics, let unit = metric.unit { text += "# UNIT \(name) \(unit)\n" }
    for sample in samples {
      text += metric.name
      add(sample.labels)
      text += " \(Self.text(sample.value))\n"
    }
  }

  private mutating func add(_ labels: [(name: String, value: String)]) {
    // To a scraper, a label without a value is one that is not there.
    let labels = labels.filter { !$0.value.isEmpty }
    guard !labels.isEmpty else { return }
    let parts = labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }
    text += "{\(parts.joined(separator: ","))}"
  }

  /// The whole text.
  public consuming func finish() -> String {
    if format == .openMetrics { text += "# EOF\n" }
    return text
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }

  private static func text(_ value: Sample.Value) -> String {
    switch value {
    case .integer(let number): "\(number)"
    case .real(.infinity): "+Inf"
    case .real(-.infinity): "-Inf"
    case .real(let number): number.isNaN ? "NaN" : "\(number)"
    }
  }
}
