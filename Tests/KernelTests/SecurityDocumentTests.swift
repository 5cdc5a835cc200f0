import Foundation
import Testing

/// docs/security.md promises a test for each of its lines.
@Suite struct SecurityDocumentTests {
  @Test func everyTestThatItNamesIsThere() throws {
    let root = packageRoot()
    let document = try String(
      contentsOf: root.appending(path: "docs/security.md"), encoding: .utf8)
    // Names of tests are the only words in camel case; suites begin with a capital.
    let names = document.matches(of: #/`([a-z]+[A-Z][A-Za-z]+)`/#).map { $0.1 }
    #expect(names.count > 25)
    let files = try #require(
      FileManager.default.enumerator(
        at: root.appending(path: "Tests"), includingPropertiesForKeys: nil)
    )
    var sources = ""
    for case let file as URL in files where file.pathExtension == "swift" {
      sources += try String(contentsOf: file, encoding: .utf8)
    }
    for name in names { #expect(sources.contains("func \(name)("), "\(name)") }
  }

  @Test func everyAttemptHasATest() throws {
    let path = packageRoot().appending(path: "docs/security.md")
    let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
    let attempts = lines.filter { $0.hasPrefix("| ") && $0.split(separator: "|").count == 3 }
    #expect(attempts.count > 15)
    for line in attempts where !line.hasPrefix("| attempt") {
      #expect(line.contains(#/\| `[a-z]+[A-Z].*` \|$/#), "\(line)")
    }
  }
}
