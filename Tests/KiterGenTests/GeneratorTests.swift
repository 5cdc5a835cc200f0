import Foundation
import RecordSchema
import TestRecords
import Testing

@testable import kiter_gen

/// What the build generates, as text that a review can see: RECORD_SNAPSHOTS=1 renews it.
@Suite struct GeneratorTests {
  @Test func theHeader() throws {
    try expectSnapshot(cHeader(for: testSchema), "things.gen.h")
  }

  @Test func theSwift() throws {
    let table = Table(
      schema: testSchema, json: "{}\n", program: URL(filePath: "/"), includes: URL(filePath: "/"))
    try expectSnapshot(swiftSource(for: table, object: Data([1, 2, 3, 4])), "things.gen.swift")
  }

  @Test func theRegistry() throws {
    try expectSnapshot(registrySource(["tasks", "map_elements"]), "registry.gen.swift")
  }

  @Test func literalsSurviveAnyText() {
    #expect(literal("a \"b\" \\n\n\t\\(c)") == #""a \"b\" \\n\n\t\\(c)""#)
  }

  /// In a checkout git is asked; in an archive the file says it; elsewhere nothing does.
  @Test func theVersionKnowsItsCommit() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID()) version")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "VERSION")
    func version(_ text: String) throws -> Version {
      try Data(text.utf8).write(to: file)
      return try Version(file: file)
    }
    let archived = try version("1.2.3\n0123456789abcdef\n")
    #expect(archived.number == "1.2.3" && archived.commit == "0123456789abcdef")
    #expect(try version("1.2.3\n$Format:%H$\n").commit == nil)
    #expect(throws: GeneratorError.self) { try version("1.2.3\n") }
    for words in [
      ["init", "--quiet"],
      ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "-mm"],
    ] {
      let git = try Process.run(
        URL(filePath: "/usr/bin/env"), arguments: ["git", "-C", folder.path] + words)
      git.waitUntilExit()
    }
    let commit = try #require(try version("1.2.3\n$Format:%H$\n").commit)
    #expect(commit.count == 40 && commit.allSatisfy(\.isHexDigit))
    #expect(versionSource(archived).contains(#"commit: String? = "0123456789abcdef""#))
  }

  private func expectSnapshot(_ text: String, _ name: String) throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Snapshots/\(name).txt")
    if ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1" {
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    let recorded = try String(contentsOf: file, encoding: .utf8)
    #expect(text == recorded, "\(name) differs; RECORD_SNAPSHOTS=1 renews it")
  }
}
