import Foundation
import Testing

/// What the documents tell a reader to type works as it stands there.
@Suite(.kernel(.alone)) struct DocumentsTests {
  /// The commands of a document: the lines of its blocks of `sh` that are not about installing.
  private static func commands(of document: String, in folder: String = "docs/") throws
    -> [String]
  {
    let file = packageRoot().appending(path: folder + document)
    let blocks = try String(contentsOf: file, encoding: .utf8).split(separator: "```sh\n")
      .dropFirst()
    return blocks.flatMap {
      $0.prefix(upTo: $0.range(of: "```")?.lowerBound ?? $0.endIndex).split(separator: "\n")
    }
    .map(String.init)
  }

  @Test(arguments: ["getting-started.md", "recipes.md"])
  func everyCommandWorks(document: String) throws {
    let commands = try Self.commands(of: document)
    #expect(commands.count > 10 && commands.allSatisfy { $0.hasPrefix("kiter ") })
    let folder = URL(filePath: try Kiter.executable()).deletingLastPathComponent().path
    for command in commands {
      let output = try Command.run(["sh", "-c", "PATH=\(folder):$PATH; \(command)"])
      #expect(output.status == 0, "\(command): \(output.stderr)")
    }
  }

  /// The README's own, with a process, a file, a map and a host's snapshots for those that it names.
  /// What makes pins is done in fresh trees of Debian: scripts/use-deb.
  @Test func everyCommandOfTheReadmeWorks() throws {
    let place = try ReadmePlace()
    let pins = ["kiter pin", "kiter pins", "kiter unpin"]
    let commands = try Self.commands(of: "README.md", in: "").map {
      $0.hasPrefix("sudo ") ? String($0.dropFirst(5)) : $0
    }.filter { command in
      command.hasPrefix("kiter ") && !pins.contains { command.hasPrefix($0 + " ") }
    }
    #expect(commands.count > 30)
    for command in commands {
      let output = try place.run(command)
      #expect(
        place.statuses(of: command).contains(output.status),
        "\(command): \(output.status) \(output.stderr)")
    }
  }
}

/// A folder with what the README's commands name.
private struct ReadmePlace {
  private let folder: SnapshotFolder
  private let process: Subprocess
  private let map: Int64

  init() throws {
    folder = try SnapshotFolder()
    process = try Subprocess(["sleep", "1000"])
    _ = try folder.record("after.kiter", ["tasks"])
    map = try #require(try Kiter.rows("maps").first { $0.text("type") == "array" }?.number("id"))
    let pair = try OutsidePair()
    let script = """
      cp \(pair.object) my.bpf.o; cp \(pair.schema) my.json; touch syslog
      for name in flamegraph.pl jq; do printf '#!/bin/sh\\ncat\\n' >$name; chmod 755 $name; done
      """
    let output = try Command.run(["sh", "-ec", "cd \(folder.path("")); \(script)"])
    try #require(output.status == 0, "\(output.stderr)")
  }

  /// Watches go on until they are stopped.
  func run(_ command: String) throws -> Command.Output {
    var command = command.replacing("4242", with: "\(process.pid)")
      .replacing("map-elements 42", with: "map-elements \(map)")
      .replacing("/var/log/syslog", with: folder.path("syslog"))
    if command.contains("--watch") { command = "timeout --signal=INT 3 \(command)" }
    let script = "cd \(folder.path("")); PATH=$PWD:$PATH; \(command)"
    return try Command.run(["sh", "-c", script])
  }

  /// 124: a watch was stopped. Findings and what cannot be checked are this host's.
  func statuses(of command: String) -> Set<Int32> {
    if command.contains("--watch") { return [0, 124, 130] }
    if command.contains(" audit ") { return [0, 1, 3] }
    return command.contains(" diff ") ? [0, 1] : [0]
  }
}
