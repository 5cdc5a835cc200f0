import KernelIterators
import MetricsText

/// A folder with a file for each metric.
struct MetricFolder {
  static let standardPath = "/usr/share/kiter/metrics"
  let path: String

  /// Reads the metrics of all files that end with `.sql`, by name.
  ///
  /// - Throws: `MetricFileError` for the first that is wrong, or if there are none.
  func metrics() throws(MetricFileError) -> [Metric] {
    let files = folderNames(path).filter { $0.hasSuffix(".sql") }.sorted()
    guard !files.isEmpty else {
      throw MetricFileError(
        "\(path): there are no metrics (*.sql); name their folder with --metrics")
    }
    var metrics: [Metric] = []
    for file in files {
      let metric = try read(file)
      if metrics.contains(where: { $0.family == metric.family }) {
        throw MetricFileError("\(path)/\(file): there is a metric \(metric.name) already")
      }
      metrics.append(metric)
    }
    return metrics
  }

  private func read(_ file: String) throws(MetricFileError) -> Metric {
    guard let bytes = fileContents("\(path)/\(file)") else {
      throw MetricFileError("\(path)/\(file): cannot be read")
    }
    do { return try Metric(String(decoding: bytes, as: UTF8.self)) } catch {
      throw MetricFileError("\(path)/\(file): \(error)")
    }
  }
}

/// Which file is wrong, and how.
struct MetricFileError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
