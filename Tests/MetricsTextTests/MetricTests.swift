import Testing

@testable import MetricsText

@Suite struct MetricTests {
  private func text(_ lines: String...) -> String { lines.joined(separator: "\n") }

  @Test func readsAHeader() throws {
    let metric = try Metric(
      text(
        "-- name: kiter_run_seconds_total", "-- type: counter", "-- unit: seconds",
        "--", "-- help: How long: in all.", "SELECT 1 AS value", "-- a comment", "WHERE 1"))
    #expect(metric.name == "kiter_run_seconds_total" && metric.kind == .counter)
    #expect(metric.unit == "seconds" && metric.help == "How long: in all.")
    #expect(metric.family == "kiter_run_seconds")
    #expect(metric.statement == "SELECT 1 AS value\n-- a comment\nWHERE 1")
  }

  @Test(arguments: [
    ("-- type: gauge\n-- help: x\nSELECT 1", "no line -- name"),
    ("-- name: a b\n-- type: gauge\n-- help: x\nSELECT 1", "is no name"),
    ("-- name: 1a\n-- type: gauge\n-- help: x\nSELECT 1", "is no name"),
    ("-- name: a\n-- type: sum\n-- help: x\nSELECT 1", "gauge or counter"),
    ("-- name: a\n-- type: counter\n-- help: x\nSELECT 1", "ends with _total"),
    ("-- name: a_total\n-- type: gauge\n-- help: x\nSELECT 1", "ends with _total"),
    ("-- name: a\n-- type: gauge\n-- unit: bytes\n-- help: x\nSELECT 1", "with its unit"),
    ("-- name: a\n-- type: gauge\n-- help: x\n", "no statement"),
    ("-- name: a\n-- type: gauge\n-- help: \nSELECT 1", "no line -- help"),
    ("-- name: a\n-- name: b\n-- type: gauge\n-- help: x\nSELECT 1", "name is there twice"),
    ("-- names: a\n-- type: gauge\n-- help: x\nSELECT 1", "is no line of a header"),
  ])
  func refusesAWrongHeader(text: String, message: String) {
    let error = #expect(throws: MetricError.self) { try Metric(text) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }
}

@Suite struct ExpositionTests {
  private func text(_ format: Exposition.Format, _ metric: Metric, _ samples: [Sample]) -> String {
    var text = Exposition(format)
    text.add(metric, samples)
    return text.finish()
  }

  private let counter = Metric(
    name: "a_seconds_total", kind: .counter, unit: "seconds", help: "Back\\slash, \"quote\"\nline.")

  @Test func writesPrometheusText() {
    let text = text(
      .prometheus, counter,
      [
        Sample(labels: [("x", "a\\b\"c\nd"), ("y", ""), ("z", "é")], value: .real(1.5)),
        Sample(labels: [], value: .integer(.max)),
      ])
    #expect(
      text == """
        # HELP a_seconds_total Back\\\\slash, "quote"\\nline.
        # TYPE a_seconds_total counter
        a_seconds_total{x="a\\\\b\\"c\\nd",z="é"} 1.5
        a_seconds_total 9223372036854775807

        """)
  }

  @Test func writesOpenMetrics() {
    #expect(
      text(.openMetrics, counter, [Sample(labels: [("y", "")], value: .integer(-1))]) == """
        # HELP a_seconds Back\\\\slash, \\"quote\\"\\nline.
        # TYPE a_seconds counter
        # UNIT a_seconds seconds
        a_seconds_total -1
        # EOF

        """)
  }

  @Test func numbersThatAreNone() {
    let gauge = Metric(name: "g", kind: .gauge, help: "g")
    let values: [Double] = [.infinity, -.infinity, .nan, 1e-7]
    let text = text(.prometheus, gauge, values.map { Sample(labels: [], value: .real($0)) })
    #expect(text.hasSuffix("g +Inf\ng -Inf\ng NaN\ng 1e-07\n"))
  }

  @Test(arguments: [
    ("", Exposition.Format.prometheus), ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .prometheus),
    ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", .openMetrics),
  ])
  func theRequestChooses(header: String, format: Exposition.Format) {
    #expect(Exposition.Format(accepting: header) == format)
  }
}
