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
