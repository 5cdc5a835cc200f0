import RecordSchema
import TestRecords

/// Reads any text as a schema: what is one, is the same after it was written and read again.
enum SchemaTarget {
  static var seeds: [[UInt8]] {
    [testSchema.json] + ["{}", "[", "{\"name\":1}"].map { Array($0.utf8) }
  }

  static func run(_ input: [UInt8]) {
    if let schema = try? Schema(json: input) {
      _ = cHeader(for: schema)
      compare(schema)
    }
    if let schema = try? Schema(ofRecords: input) { compare(schema) }
  }

  private static func compare(_ schema: Schema) {
    let projection = Projection(allOf: schema)
    do {
      let again = try Schema(ofRecords: schema.json)
      if RecordLayout(again).hash != projection.layout.hash { finding("another layout") }
      if again != schema { finding("\(again) was \(schema)") }
    } catch {
      finding("a schema cannot be read again: \(error)")
    }
  }
}
