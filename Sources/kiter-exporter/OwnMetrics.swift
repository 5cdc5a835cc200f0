import MetricsText

/// What the exporter says of its own work.
struct OwnMetrics {
  private var seconds: [Sample] = []
  private var failures: [Sample] = []
  private var cut: [Sample] = []

  /// Notes how a metric was had; nil if it was not.
  mutating func add(_ name: String, _ answer: MetricQuery.Answer?, seconds: Double) {
    let labels = [(name: "metric", value: name)]
    self.seconds.append(Sample(labels: labels, value: .real(seconds)))
    failures.append(Sample(labels: labels, value: .integer(answer == nil ? 1 : 0)))
    cut.append(Sample(labels: labels, value: .integer(Int64(answer?.cut ?? 0))))
  }

  /// All of it.
  func metrics(scrape: Double) -> [(Metric, [Sample])] {
    let build = [
      (name: "version", value: GeneratedVersion.number),
      (name: "commit", value: GeneratedVersion.commit ?? ""),
    ]
    func metric(_ name: String, _ unit: String?, _ help: String) -> Metric {
      Metric(name: "kiter_exporter_\(name)", kind: .gauge, unit: unit, help: help)
    }
    return [
      (
        metric("build_info", nil, "Which exporter this is; always 1."),
        [Sample(labels: build, value: .integer(1))]
      ),
      (
        metric("scrape_duration_seconds", "seconds", "How long all statements took."),
        [Sample(labels: [], value: .real(scrape))]
      ),
      (
        metric("metric_duration_seconds", "seconds", "How long a metric's statement took."), seconds
      ),
      (
        metric("metric_failed", nil, "1 for a metric that could not be had, and is left out."),
        failures
      ),
      (
        metric("series_cut", nil, "Samples of a metric behind --max-series, which are left out."),
        cut
      ),
    ]
  }
}
