import Foundation
import Glibc
import Testing

/// A running kiter-exporter with metrics of the test's own, or those that are shipped.
final class ExporterProcess {
  /// Holds its metrics, its socket and its pins.
  let folder = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())")
  private(set) var process: Subprocess?
  /// Where it listens, as it said.
  private(set) var address = ""

  init(_ metrics: [String: String]? = nil) throws {
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    let copy = try Command.run(
      ["cp", "-r", packageRoot().appending(path: "metrics").path, path("metrics")])
    guard copy.status == 0 else { throw Fixture.Failure(description: copy.stderr) }
    guard let metrics else { return }
    for file in try FileManager.default.contentsOfDirectory(atPath: path("metrics")) {
      try FileManager.default.removeItem(atPath: path("metrics/\(file)"))
    }
    for (name, text) in metrics {
      try Data(text.utf8).write(to: URL(filePath: path("metrics/\(name).sql")))
    }
  }

  deinit {
    process?.kill()
    _ = try? Command.run(["umount", "--lazy", "--quiet", path("pins")])
    try? FileManager.default.removeItem(at: folder)
  }

  func path(_ name: String) -> String { folder.appending(path: name).path }

  /// The program where any user may run it.
  func program() throws -> String {
    let built = URL(filePath: try Kiter.executable()).deletingLastPathComponent()
    let copy = path("kiter-exporter")
    if access(copy, X_OK) != 0 {
      let output = try Command.run(["cp", built.appending(path: "kiter-exporter").path, copy])
      guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
    }
    return copy
  }

  /// The arguments that name its folders.
  var places: [String] { ["--metrics", path("metrics"), "--pins", path("pins")] }

  /// Starts it, by another command if one is named, and waits until it listens.
  func start(
    by wrapper: [String] = [], at listen: String = "127.0.0.1:0", options: [String] = []
  ) throws {
    let process = try Subprocess(
      wrapper + [try program()] + places + ["--listen", listen] + options)
    self.process = process
    var said = ""
    let deadline = ContinuousClock.now + .seconds(60)
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      // SAFETY: read is given the size of the buffer.
      let count =
        waitForInput(process.error, deadline) ? read(process.error, &buffer, buffer.count) : 0
      guard count > 0 else { throw Fixture.Failure(description: "no exporter: \(said)") }
      said += String(decoding: buffer.prefix(count), as: UTF8.self)
      if let match = said.firstMatch(of: #/listening at (\S+)\n/#) {
        address = String(match.1)
        return
      }
    }
  }

  /// What curl gets.
  func get(_ path: String = "/metrics", _ options: [String] = []) throws -> Command.Output {
    let socket = address.hasPrefix("unix:") ? ["--unix-socket", "\(address.dropFirst(5))"] : []
    let host = socket.isEmpty ? address : "localhost"
    return try Command.run(
      ["curl", "--silent", "--show-error", "--fail"] + socket + options + ["http://\(host)\(path)"])
  }

  /// The samples of a scrape: a name with its labels, and the value.
  func samples() throws -> [String: Double] {
    let output = try get()
    guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
    let lines = output.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    return Dictionary(
      uniqueKeysWithValues: lines.compactMap { line in
        line.lastIndex(of: " ").flatMap { space in
          Double(line[line.index(after: space)...]).map { (String(line[..<space]), $0) }
        }
      })
  }
}
