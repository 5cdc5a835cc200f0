import RecordSchema
import TestRecords
import Testing

@Suite struct SchemaTests {
  private static func parse(fields: String, names: String = "{}") throws -> Schema {
    let json = """
      {"name": "things", "version": 1, "summary": "s", "key": ["a"], "names": \(names),
       "programs": [{"name": "things", "target": "thing", "since": "6.1"}], "fields": [\(fields)]}
      """
    return try Schema(json: Array(json.utf8))
  }

  private static func message(fields: String) -> String {
    do {
      _ = try parse(fields: fields)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private static let a = #""name": "a", "summary": "s", "source": "k", "oracle": "o""#

  @Test func readsAField() throws {
    let schema = try Self.parse(fields: #"{\#(Self.a), "type": "u32", "kind": "pid"}"#)
    #expect(schema.fields.first?.type == .u32)
    #expect(schema.fields.first?.kind == .pid)
    #expect(schema.fields.first?.cost == "cheap")
  }

  @Test(arguments: [
    (#"{\#(a), "type": "u32", "kind": "pids"}"#, #"fields[0].kind: is one of count"#),
    (#"{\#(a), "kind": "pid"}"#, #"fields[0] "a": needs a "type", or "derive""#),
    (#"{\#(a), "type": "u32"}"#, #"fields[0]: "kind" is missing"#),
    (#"{\#(a), "type": "u8", "kind": "enum", "names": "x"}"#, #""names" must name an enum"#),
    (#"{\#(a), "kind": "text", "derive": "user_name", "from": ["b"]}"#, "no stored field"),
    (#"{\#(a), "kind": "text", "derive": "user_name", "from": []}"#, "derives from 1 fields"),
    ("{", "not valid JSON"),
    (
      #"{\#(a), "type": "u8", "kind": "id"}, {\#(a), "type": "u8", "kind": "id"}"#,
      #"fields[1] "a": is there twice"#
    ),
  ])
  func anErrorNamesThePlace(fields: String, message: String) {
    #expect(Self.message(fields: fields).contains(message), "\(Self.message(fields: fields))")
  }

  @Test func arbitraryTextNeverCrashes() {
    var random = SystemRandomNumberGenerator()
    let valid = Array(
      #"{"name": "things", "version": 1, "fields": [{"kind": "u8"}], "key": []}"#.utf8)
    for _ in 0..<500 {
      var text = valid
      for _ in 0..<4 {
        text[Int.random(in: 0..<text.count, using: &random)] = .random(in: 0...255, using: &random)
      }
      _ = try? Schema(json: text)
    }
  }

  @Test func fieldsLieAtTheirNaturalAlignment() {
    let layout = RecordLayout(testSchema)
    #expect(layout.words == 1)
    #expect(layout.slots[0].offset == 24)
    for slot in layout.slots { #expect(slot.offset % slot.type.alignment == 0) }
    for (slot, next) in zip(layout.slots, layout.slots.dropFirst()) {
      #expect(slot.end <= next.offset)
    }
    #expect(layout.fixedSize % 8 == 0)
  }

  /// A pin or a file of a schema whose fields mean something else must not be decoded.
  @Test func versionsOfASchemaHaveOtherLayouts() {
    var newer = testSchema
    newer.version += 1
    #expect(RecordLayout(newer).hash != RecordLayout(testSchema).hash)
    #expect(RecordLayout(newer).slots == RecordLayout(testSchema).slots)
  }

  @Test func theFixedPartEndsBehindTheLastWantedField() throws {
    let short = try Projection(testSchema, columns: ["pid"])
    #expect(short.fixedSize == 32)
    #expect(short.wanted == [1])
    let derived = try Projection(testSchema, columns: ["user"])
    let uid = try #require(testSchema.storedFields.firstIndex { $0.name == "uid" })
    #expect(derived.wanted == [1 << UInt64(uid)])
  }

  @Test func constantsHaveTheHeadersShape() throws {
    var constants = ProgramConstants(pageShift: 12, processors: 2)
    constants.parameters = ["old": 1]
    let bytes = constants.bytes(for: try Projection(testSchema, columns: ["pid"]))
    let filters = 8 + (8 + 64) + 8
    let asked = testSchema.storedFields.map { UInt8($0.name == "pid" ? 1 : 0) }
    #expect(bytes.count == 8 + 16 + 8 + filters + (asked.count + 7) / 8 * 8)
    #expect(bytes[32..<32 + filters].allSatisfy { $0 == 0 })
    #expect(Array(bytes[(32 + filters)...].prefix(asked.count)) == asked)
    #expect(bytes[0] == 1)
    #expect(bytes[8] == 32)
    #expect(Array(bytes[24..<28]) == [1, 0, 0, 0])
    #expect(Array(bytes[28..<32]) == [255, 255, 255, 255])
  }

  @Test func constantsSayWhatToCompareWith() throws {
    var constants = ProgramConstants(pageShift: 12, processors: 2)
    constants.matches = ["uid": .number(1000)]
    let projection = try Projection(testSchema, columns: ["pid"], filters: ["uid"])
    let bytes = constants.bytes(for: projection)
    #expect(bytes[32] == 0b10)
    #expect(Array(bytes[112..<120]) == [0xe8, 3, 0, 0, 0, 0, 0, 0])
    constants.matches = ["name": .text(Array("bash".utf8))]
    let named = constants.bytes(for: projection)
    #expect(named[32] == 0b01)
    #expect(named[40] == 4)
    #expect(Array(named[48..<53]) == Array("bash\0".utf8))
  }

  @Test func theProgramStoresWhatItCompares() throws {
    let projection = try Projection(testSchema, columns: ["pid"], filters: ["uid"])
    let uid = try #require(testSchema.storedFields.firstIndex { $0.name == "uid" })
    #expect(projection.wanted == [1 | 1 << UInt64(uid)])
    #expect(projection.columns.map(\.field.name) == ["pid"])
  }

  @Test func filtersTakeNamesAndNumbers() throws {
    let users = NameTable(passwd: Array("root:x:0:0\nada:x:1000:1000\n".utf8))
    func value(_ text: String, _ name: String) throws -> FilterValue {
      let field = try #require(testSchema.field(name))
      return try FilterValue(text, for: field, in: testSchema) { users }
    }
    #expect(try value("1000", "uid") == .number(1000))
    #expect(try value("ada", "uid") == .number(1000))
    #expect(throws: InvalidFilter.self) { try value("bob", "uid") }
    #expect(try value("1000", "name") == .text(Array("1000".utf8)))
    #expect(throws: InvalidFilter.self) { try value(String(repeating: "x", count: 64), "name") }
  }

  @Test func aNearColumnIsSuggested() {
    #expect(throws: UnknownColumn.self) { try Projection(testSchema, columns: ["rss_byte"]) }
    do { _ = try Projection(testSchema, columns: ["rss_byte"]) } catch {
      #expect(error.near == ["rss_bytes"])
    }
    do { _ = try Projection(testSchema, columns: ["rss"]) } catch {
      #expect(error.near == ["rss_bytes"])
    }
    do { _ = try Projection(testSchema, columns: ["quux_zork"]) } catch {
      #expect(error.near == [])
    }
  }

  @Test func hiddenFieldsAreNoColumns() {
    #expect(throws: UnknownColumn.self) { try Projection(testSchema, columns: ["started_ns"]) }
  }
}
