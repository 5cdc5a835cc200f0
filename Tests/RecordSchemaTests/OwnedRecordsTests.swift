import TestRecords
import Testing

@testable import RecordSchema

@Suite struct OwnedRecordsTests {
  /// The table of things, held by their `uid`.
  private static var things: Schema {
    var schema = testSchema
    schema.fields[0].name = "number"
    schema.key = ["number"]
    schema.owners = .init(on: "uid", held: .socket)
    return schema
  }

  /// What is read of `files`.
  private static var files: Schema {
    func field(_ name: String, _ type: FieldType?, _ derivation: Derivation? = nil) -> Field {
      Field(
        name: name, type: type, kind: type == .u32 ? .pid : .text, summary: name, source: "test",
        oracle: "none: test", derivation: derivation,
        inputs: derivation == nil ? [] : ["container_names"])
    }
    return Schema(
      name: "files", version: 1, summary: "Files", programs: [], scopes: [], parameters: [],
      key: ["tid", "fd"], names: [],
      fields: [
        field("pid", .u32), field("tid", .u32), field("fd", .u32), field("comm", .text),
        field("container_names", .text), field("container_id", nil, .containerID),
      ])
  }

  /// With room for the holder's fields, as a program leaves it.
  private static let thing = RecordBuilder(things.withOwners).number("number", 7).number(
    "nice", 0xff
  )
  .number("uid", 42).number("started_ns", 1_000_000_000).unreadable("busy_ns")
  .tail("name", Array("a name".utf8)).tail("groups", [1, 0, 0, 0, 2, 0, 0, 0])
  .tail("arguments", Array("one\0two".utf8), isCut: true)
  .address("address", [127, 0, 0, 1]).record
  private static let holder = RecordBuilder(files).number("pid", 10).number("tid", 11)
    .number("fd", 3).tail("comm", Array("holder".utf8))
    .tail("container_names", Array("leaf/docker/".utf8), isCut: true).record

  /// The values of a record of things by column, with those of its holder if there is one.
  private static func values(heldBy holder: [UInt8]?) throws -> [String: String] {
    let wide = Projection(allOf: things.withOwners)
    let holders = try Projection(files, columns: ["pid", "tid", "fd", "comm", "container_id"])
    let own = wide.withoutOwners(findingBy: "uid")
    #expect(own.schema == things && own.fixedSize == wide.fixedSize)
    var records = OwnedRecords(wide, from: holders)
    records.append(Preamble(ofAll: own.layout, in: own.schema))
    thing.withUnsafeBytes { thing in
      let record = RawRecord(bytes: thing, partialOffset: own.layout.partialOffset)
      guard let holder else { return records.append(record, heldBy: nil) }
      holder.withUnsafeBytes {
        let place = holders.layout.partialOffset
        records.append(record, heldBy: RawRecord(bytes: $0, partialOffset: place))
      }
    }
    return try values(of: records.bytes, wide)
  }

  private static func values(of bytes: [UInt8], _ projection: Projection) throws -> [String: String]
  {
    let fields = projection.schema.storedFields.map(\.name)
    var values: [String: String] = [:]
    var stream = RecordStream(
      BytesSource(bytes), schema: projection.schema, layout: projection.layout)
    while try stream.nextRecords({ record, _ in
      #expect(values.isEmpty)
      for (name, slot) in zip(fields, projection.layout.slots) {
        var text = "\(record.value(slot))"
        if case .bytes(let bytes) = record.value(slot) { text = "\(Array(bytes))" }
        values[name] = record.isCut(slot) ? text + " cut" : text
      }
    }) {}
    return values
  }

  @Test func aRecordKeepsItsValuesAndHasThoseOfItsHolder() throws {
    let held = try Self.values(heldBy: Self.holder)
    let alone = try Self.values(
      of: preambleBytes(Self.things) + Self.thing, Projection(allOf: Self.things))
    for (name, value) in alone { #expect(held[name] == value, "\(name)") }
    #expect(held.count == alone.count + 5)
    #expect(held["pid"] == "unsigned(10)" && held["tid"] == "unsigned(11)")
    #expect(held["fd"] == "unsigned(3)")
    #expect(held["comm"] == "\(Array("holder".utf8))")
    #expect(held["owner_cgroup_names"] == "\(Array("leaf/docker/".utf8)) cut")
  }

  @Test func oneThatNobodyHoldsHasNoValuesOfAHolder() throws {
    let values = try Self.values(heldBy: nil)
    #expect(values["name"] == "\(Array("a name".utf8))" && values["number"] == "unsigned(7)")
    for name in ["pid", "tid", "fd", "comm", "owner_cgroup_names"] {
      #expect(values[name] == "absent", "\(name)")
    }
  }

  /// What the programs store does not depend on the holders' columns, but for the key.
  @Test func onlyWhatIsNeededIsRead() throws {
    let wide = try Projection(Self.things.withOwners, columns: ["number", "comm", "owner_cgroup"])
    let own = wide.withoutOwners(findingBy: "uid")
    #expect(own.columns.map(\.field.name) == ["number"])
    let stored = Self.things.storedFields.enumerated().filter {
      own.wanted[0] >> UInt64($0.offset) & 1 == 1
    }
    #expect(stored.map(\.element.name) == ["number", "uid"])
    #expect(OwnedRecords.sources(for: wide) == ["comm", "container_id"])
  }

  @Test func ownersThatCannotBeAreRefused() throws {
    func message(key: String, firstField: String = "number") -> String {
      var schema = Self.things
      schema.owners = .init(on: key, held: .socket)
      schema.fields[0].name = firstField
      schema.key = [firstField]
      do { try schema.validate() } catch { return error.description }
      return ""
    }
    #expect(message(key: "uid") == "")
    #expect(message(key: "name").contains(#""name" is no stored u32 or u64"#))
    #expect(message(key: "none").contains(#""none" is no stored u32 or u64"#))
    #expect(message(key: "uid", firstField: "fd").contains(#""fd" would be there twice"#))
  }
}
