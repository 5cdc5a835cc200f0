import Foundation
import Glibc
import Testing

/// kiter-exporter, asked by curl, checked by promtool and scraped by Prometheus.
@Suite(.kernel) struct ExporterTests {
  private static func metric(_ name: String, _ statement: String) -> String {
    "-- name: \(name)\n-- type: gauge\n-- help: Of a test.\n\(statement)\n"
  }

  /// What is shipped, in a network namespace whose sockets are known.
  @Test func shippedMetricsAreThoseOfTheHost() throws {
    let fixture = try Fixture("sockets")
    let exporter = try ExporterProcess()
    let network = ["nsenter", "--net=/proc/\(fixture.pid)/ns/net"]
    try exporter.start(by: network, at: "unix:\(exporter.path("socket"))")
    let samples = try exporter.samples()
    let listening = try Command.run(network + ["ss", "-tlnH"]).text.split(separator: "\n").count
    let name = "kiter_sockets{protocol=\"tcp\",state=\"listen\"}"
    #expect(listening > 0 && samples[name] == Double(listening))
    let owned = samples.filter {
      $0.key.hasPrefix("kiter_sockets_owned{protocol=\"tcp\",comm=\"kiter-fixture\"")
    }
    #expect(try #require(owned.values.first) >= Double(listening))
    let failed = samples.filter { $0.key.hasPrefix("kiter_exporter_metric_failed") }
    #expect(failed.count >= 10 && failed.values.allSatisfy { $0 == 0 }, "\(failed)")
    #expect(samples.keys.contains { $0.hasPrefix("kiter_exporter_build_info{version=\"") })
  }

  @Test func promtoolFindsNothing() throws {
    let exporter = try ExporterProcess()
    try exporter.start()
    let text = try exporter.get().stdout
    #expect(text.count > 1000)
    let check = try Command.run(["promtool", "check", "metrics"], input: text)
    #expect(check.status == 0 && check.stderr.isEmpty && check.stdout.isEmpty, "\(check.stderr)")
  }

  /// By the parser of Prometheus' own client for Python, which is strict.
  @Test func openMetricsParses() throws {
    let exporter = try ExporterProcess()
    try exporter.start()
    let type = "application/openmetrics-text; version=1.0.0"
    let text = try exporter.get("/metrics", ["--header", "Accept: \(type)"]).stdout
    let program = """
      import sys
      from prometheus_client.openmetrics.parser import text_string_to_metric_families
      print(sum(len(f.samples) for f in text_string_to_metric_families(sys.stdin.read())))
      """
    let python = packageRoot().appending(path: ".build-python/bin/python").path
    let parsed = try Command.run([python, "-c", program], input: text)
    #expect(parsed.status == 0, "\(parsed.stderr)")
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
    #expect(lines.last == "# EOF")
    #expect(Int(parsed.text.dropLast()) == lines.count { !$0.hasPrefix("#") })
  }

  /// The real Prometheus scrapes it, and knows what the test has made.
  @Test func prometheusAnswers() throws {
    let crowd = try Fixture("many", "30")
    let exporter = try ExporterProcess([
      "children": Self.metric(
        "test_children",
        "SELECT comm, count(*) AS value FROM tasks WHERE ppid = \(crowd.pid) GROUP BY 1")
    ])
    try exporter.start()
    let prometheus = try Prometheus(scraping: exporter.address, in: exporter.path("prometheus"))
    let children = try ProcFiles.text("/proc/\(crowd.pid)/task/\(crowd.pid)/children")
      .split(separator: " ").count
    #expect(children == 30)
    let result = try prometheus.value(of: "sum(test_children)")
    #expect(result == Double(children))
    #expect(try prometheus.value(of: "up{job=\"kiter\"}") == 1)
  }

  @Test func pinsSufficeWithoutPrivilege() throws {
    let exporter = try ExporterProcess()
    let pin = try Command.run(
      [try exporter.program(), "pin", "--group", PinnedHost.group] + exporter.places)
    #expect(pin.status == 0, "\(pin.stderr)")
    // No more is in a pin than the metrics need.
    #expect(pin.text.contains("/tasks: container_id,state,threads\n"), "\(pin.text)")
    let nobody = [
      "setpriv", "--reuid=65534", "--regid=65534", "--groups=\(PinnedHost.group)",
      "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs",
    ]
    try exporter.start(by: nobody)
    let samples = try exporter.samples()
    let failed = samples.filter {
      $0.key.hasPrefix("kiter_exporter_metric_failed") && $0.value != 0
    }
    #expect(failed.isEmpty, "\(failed)")
    #expect(samples.contains { $0.key.hasPrefix("kiter_processes{") && $0.value > 0 })
    #expect(samples.contains { $0.key.hasPrefix("kiter_open_files{") && $0.value > 0 })
  }

  @Test func withoutPinsAndPrivilegeNothingLooksLikeZero() throws {
    let exporter = try ExporterProcess()
    try exporter.start(by: ["setpriv", "--reuid=65534", "--clear-groups"])
    let samples = try exporter.samples()
    #expect(samples.keys.allSatisfy { $0.hasPrefix("kiter_exporter_") })
    let failed = samples.filter { $0.key.hasPrefix("kiter_exporter_metric_failed") }
    #expect(failed.count >= 10 && failed.values.allSatisfy { $0 == 1 })
  }

  @Test func whatIsWrongIsLeftOutAndCounted() throws {
    let numbers = "SELECT 1 AS a, 1 AS value UNION ALL SELECT 2, 2 UNION ALL SELECT 3, NULL"
    let exporter = try ExporterProcess([
      "good": Self.metric("test_good", numbers),
      "cut": Self.metric("test_cut", numbers + " UNION ALL SELECT 4, 4 UNION ALL SELECT 5, 5"),
      "twice": Self.metric("test_twice", "SELECT 1 AS a, 1 AS value UNION ALL SELECT 1, 2"),
      "text": Self.metric("test_text", "SELECT 'x' AS value"),
      "none": Self.metric("test_none", "SELECT no_such_column AS value FROM tasks"),
      "endless": Self.metric(
        "test_endless",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS value FROM n"
      ),
    ])
    try exporter.start(options: ["--max-series", "2", "--timeout", "2"])
    let samples = try exporter.samples()
    func own(_ name: String, _ metric: String) -> Double? {
      samples["kiter_exporter_\(name){metric=\"test_\(metric)\"}"]
    }
    #expect(samples["test_good{a=\"1\"}"] == 1 && samples["test_good{a=\"3\"}"] == nil)
    #expect(own("series_cut", "good") == 0 && own("series_cut", "cut") == 2)
    #expect(samples["test_cut{a=\"2\"}"] == 2 && samples["test_cut{a=\"4\"}"] == nil)
    for name in ["good", "cut"] { #expect(own("metric_failed", name) == 0) }
    for name in ["twice", "text", "none", "endless"] {
      #expect(own("metric_failed", name) == 1, "\(name)")
      #expect(!samples.keys.contains { $0.hasPrefix("test_\(name)") }, "\(name)")
    }
  }

  @Test func aHundredClientsAreAnswered() throws {
    let exporter = try ExporterProcess()
    try exporter.start()
    let script = """
      seq 100 | xargs -P 100 -I{} curl -s -o /dev/null -w '%{http_code}\\n' http://$0/metrics | sort | uniq -c
      """
    let answers = try Command.run(["sh", "-c", script, exporter.address])
    #expect(
      answers.text.split(whereSeparator: \.isWhitespace) == ["100", "200"], "\(answers.text)")
  }

  /// Clients that send slowly, or nothing, or garbage, keep nobody from the answer, and are sent away.
  @Test func strangersAreSentAway() throws {
    let exporter = try ExporterProcess()
    try exporter.start(options: ["--timeout", "1", "--max-clients", "20"])
    let garbage = Data((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) })
    let silent = try (0..<10).map { _ in try Connection(exporter.address) }
    for connection in silent { connection.send(Data("GET /metrics HT".utf8)) }
    let hostile = try Connection(exporter.address)
    hostile.send(garbage)
    #expect(try exporter.get().status == 0)
    #expect(hostile.end().hasPrefix("HTTP/1.1 400"))
    for connection in silent { #expect(connection.end().isEmpty) }
    let huge = try Connection(exporter.address)
    huge.send(Data("GET /metrics HTTP/1.1\r\nX: ".utf8) + Data(repeating: 97, count: 1 << 20))
    #expect(!huge.end().contains("200 OK"))
    #expect(try exporter.get().status == 0)
  }

  @Test func moreClientsThanAllowedAreRefused() throws {
    let exporter = try ExporterProcess()
    try exporter.start(options: ["--max-clients", "2"])
    let waiting = try (0..<2).map { _ in try Connection(exporter.address) }
    for connection in waiting { connection.send(Data("GET".utf8)) }
    #expect(try exporter.get().status != 0)
    withExtendedLifetime(waiting) {}
  }

  @Test(arguments: [
    ("GET / HTTP/1.0", "200", "/metrics"), ("GET /healthz HTTP/1.0", "200", "ok"),
    ("GET /x HTTP/1.0", "404", "there is"), ("POST /metrics HTTP/1.0", "405", "only GET"),
  ])
  func otherPathsAreAnswered(request: String, status: String, text: String) throws {
    let exporter = try ExporterProcess()
    try exporter.start()
    let connection = try Connection(exporter.address)
    connection.send(Data("\(request)\r\n\r\n".utf8))
    let answer = connection.end()
    #expect(answer.split(separator: " ").dropFirst().first == Substring(status))
    #expect(answer.contains(text))
  }

  @Test func aWrongFileIsNamed() throws {
    let exporter = try ExporterProcess(["bad": "SELECT 1"])
    let output = try Command.run([try exporter.program()] + exporter.places)
    #expect(output.status == 1 && output.stderr.contains("/metrics/bad.sql: "), "\(output.stderr)")
    let none = try Command.run([try exporter.program(), "--metrics", exporter.path("no")])
    #expect(none.status == 1 && none.stderr.contains("there are no metrics"))
    #expect(try Command.run([try exporter.program(), "--listen", "x"]).status == 64)
  }
}

/// The Prometheus that Debian has.
private final class Prometheus {
  private let process: Subprocess
  private let address: String

  /// Starts one that scrapes a target each second.
  init(scraping target: String, in folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let configuration = """
      global: { scrape_interval: 1s }
      scrape_configs:
        - job_name: kiter
          static_configs: [ { targets: ['\(target)'] } ]
      """
    try Data(configuration.utf8).write(to: URL(filePath: "\(folder)/prometheus.yml"))
    // A port that was free a moment ago: Prometheus cannot tell which it chose.
    let socket = try FreePort()
    address = "127.0.0.1:\(socket.number)"
    process = try Subprocess([
      "prometheus", "--config.file=\(folder)/prometheus.yml", "--storage.tsdb.path=\(folder)/data",
      "--web.listen-address=\(address)", "--log.level=error",
    ])
  }

  /// The first sample of a query's result, as soon as there is one.
  func value(of query: String) throws -> Double {
    for _ in 0..<300 {
      let output = try Command.run([
        "curl", "--silent", "--get", "--data-urlencode", "query=\(query)",
        "http://\(address)/api/v1/query",
      ])
      let sample = output.text.firstMatch(of: #/"value":\[[0-9.]+,"([^"]+)"\]/#)
      if let sample, let number = Double(sample.1) { return number }
      usleep(100_000)
    }
    throw Fixture.Failure(description: "Prometheus knows nothing of \(query)")
  }
}

/// A port of the loopback address that nobody listens at.
private struct FreePort {
  let number: Int

  init() throws {
    let python =
      "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"
    let output = try Command.run(["python3", "-c", python])
    number = try #require(Int(output.text.dropLast()))
  }
}

/// A client that says what it is told to.
private final class Connection {
  private let process: Subprocess

  init(_ address: String) throws {
    let parts = address.split(separator: ":").map(String.init)
    // What comes in goes out, until the other side ends it.
    let python = """
      import os, socket, threading
      s = socket.create_connection(('\(parts[0])', \(parts[1])))
      def copy():
          try:
              while data := os.read(0, 65536): s.sendall(data)
          except OSError: pass
      threading.Thread(target=copy, daemon=True).start()
      os.write(1, b'+')
      try:
          while data := s.recv(65536): os.write(1, data)
      except OSError: pass
      os._exit(0)
      """
    process = try Subprocess(["python3", "-c", python])
    var sign: UInt8 = 0
    // SAFETY: one byte is read into one: the sign that there is a connection.
    guard waitForInput(process.output, .now + .seconds(30)),
      read(process.output, &sign, 1) == 1
    else {
      throw Fixture.Failure(description: "no connection to \(address)")
    }
  }

  func send(_ bytes: Data) {
    var rest = bytes
    while !rest.isEmpty, let count = process.send(rest.prefix(4096)) {
      if count == 0 { usleep(1000) }
      rest = rest.dropFirst(count)
    }
  }

  /// All that was answered, when the other side has ended it.
  func end() -> String {
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    let deadline = ContinuousClock.now + .seconds(60)
    while waitForInput(process.output, deadline) {
      // SAFETY: read is given the size of the buffer.
      let count = read(process.output, &buffer, buffer.count)
      guard count > 0 else { return String(decoding: answer, as: UTF8.self) }
      answer += buffer.prefix(count)
    }
    return "it is still there"
  }
}
