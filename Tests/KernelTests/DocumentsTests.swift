import Foundation
import Testing

/// What the documents tell a reader to type works as it stands there.
@Suite(.kernel(.alone)) struct DocumentsTests {
  /// The commands of a document: the lines of its blocks of `sh` that are not about installing.
  private static func commands(of document: String) throws -> [String] {
    let file = packageRoot().appending(path: "docs/\(document)")
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
}
