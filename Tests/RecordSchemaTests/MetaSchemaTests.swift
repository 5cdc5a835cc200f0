import Foundation
import RecordSchema
import Testing

/// `schemas/meta/schema.json` tells editors what the parser takes: the two must agree.
@Suite struct MetaSchemaTests {
  private static func field(_ name: String) throws -> [String] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let data = try Data(contentsOf: root.appending(path: "schemas/meta/schema.json"))
    let json = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    let definitions = json?["$defs"] as? [String: Any]
    let field = definitions?["field"] as? [String: Any]
    let property = (field?["properties"] as? [String: Any])?[name] as? [String: Any]
    return try #require(property?["enum"] as? [String])
  }

  @Test func knowsEveryKind() throws {
    #expect(try Self.field("kind") == Kind.allCases.map(\.rawValue))
  }

  @Test func knowsEveryType() throws {
    #expect(try Self.field("type") == FieldType.allCases.map(\.rawValue))
  }

  @Test func knowsEveryDerivation() throws {
    #expect(try Self.field("derive") == Derivation.allCases.map(\.rawValue))
  }
}
