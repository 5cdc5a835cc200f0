import Foundation
import Testing

@Suite(.kernel) struct MapElementsTests {
  @Test func equalsBpftool() throws {
    let maps = try TypedMaps()
    try maps.fill()
    var comparison = FieldComparison("map_elements")
    for name in TypedMaps.known {
      let id = try maps.id(name)
      let rows = try Kiter.rows("map-elements", "\(id)", "--columns", "all")
      let elements = try BPFTool.list("map", "dump", "id", "\(id)")
      #expect(rows.count == elements.count && !rows.isEmpty, "\(name)")
      let byKey = Dictionary(uniqueKeysWithValues: rows.map { ($0.text("key_hex") ?? "", $0) })
      for element in elements {
        let key = try Self.hex(element["key"])
        let row = try #require(byKey[key], "\(name): no element \(key)")
        try Self.compare(row, element, map: Int64(id), in: "\(name) \(key)", &comparison)
      }
    }
    try comparison.finish()
  }

  private static func compare(
    _ row: Row, _ element: Facts, map: Int64, in place: String, _ comparison: inout FieldComparison
  ) throws {
    let formatted = element["formatted"]
    comparison.compare("map_id", row.number("map_id"), map, in: place)
    comparison.compare("key_hex", row.text("key_hex"), try hex(element["key"]), in: place)
    let values = try hexValues(element)
    let found = row.text("value_hex").map { withoutPadding($0, values) }
    comparison.compare("value_hex", found, values, in: place)
    comparison.compare("key", shown(row.value("key")), shown(formatted["key"]), in: place)
    let value = formatted["values"].isNull ? formatted["value"] : formatted["values"]
    comparison.compare("value", shown(row.value("value")), shown(value), in: place)
  }

  /// bpftool's bytes, `["0x01","0x02"]`, as digits.
  private static func hex(_ bytes: Facts) throws -> String {
    try bytes.array.map { try String($0.string.dropFirst(2)) }.joined()
  }

  /// The value, or that of each processor.
  private static func hexValues(_ element: Facts) throws -> [String] {
    if !element["value"].isNull { return [try hex(element["value"])] }
    return try element["values"].array.map { try hex($0["value"]) }
  }

  /// Values of processors lie at multiples of 8 bytes; what is between them means nothing.
  private static func withoutPadding(_ digits: String, _ values: [String]) -> [String] {
    if values.count == 1 { return [digits] }
    let stride = digits.count / values.count
    return values.enumerated().map { index, value in
      String(digits.dropFirst(index * stride).prefix(value.count))
    }
  }

  /// A value as text that is the same for what is the same in both notations.
  private static func shown(_ value: NSObject?) -> String? {
    switch value {
    case nil, is NSNull: return nil
    case let object as [String: NSObject]:
      let members = object.sorted { $0.key < $1.key }
      return "{" + members.map { "\($0.key):\(shown($0.value) ?? "")" }.joined(separator: ",") + "}"
    case let array as [NSObject]:
      return "[" + array.map { shown($0) ?? "" }.joined(separator: ",") + "]"
    // A pointer: bpftool has a number.
    case let text as String where text.hasPrefix("0x"):
      return UInt64(text.dropFirst(2), radix: 16).map(String.init) ?? text
    case let value?: return "\(value)"
    }
  }

  /// The same of bpftool's: it gives an anonymous member an empty name, and truth is 1.
  private static func shown(_ value: Facts) -> String? {
    if value.isNull { return nil }
    if let object = try? value.object {
      let members = flattened(object).sorted { $0.key < $1.key }
      return "{" + members.map { "\($0.key):\(shown($0.value) ?? "")" }.joined(separator: ",") + "}"
    }
    if let array = try? value.array {
      return "[" + array.map { shown($0) ?? "" }.joined(separator: ",") + "]"
    }
    if let flag = try? value.bool { return flag ? "1" : "0" }
    if let number = try? value.int { return "\(number)" }
    if let number = try? value.uint { return "\(number)" }
    return try? value.string
  }

  private static func flattened(_ object: [String: Facts]) -> [String: Facts] {
    var result = object.filter { !$0.key.isEmpty }
    if let anonymous = try? object[""]?.object {
      result.merge(flattened(anonymous)) { first, _ in first }
    }
    return result
  }

  /// What bpftool 7.1 has no word for, or shows in another way.
  @Test func showsFloatsBitFieldsAndVariables() throws {
    let maps = try TypedMaps()
    let real: [UInt8] = [
      0, 0, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe4, 0xbf,
      0x7d, 0x56, 0, 0, 0, 0, 0, 0,
    ]
    try maps.update("kt_real", key: [1, 0, 0, 0], value: real)
    let id = try maps.id("kt_real")
    let row = try #require(try Kiter.rows("map-elements", "\(id)").first)
    let value = try #require(row.value("value") as? [String: Double])
    #expect(value == ["single": 1.5, "twice": -0.625, "low": 5, "middle": 79, "sign": -11])
    let variables = try Kiter.rows("map-elements", "\(maps.id("maps_rodata"))")
    #expect(variables.first?.value("value") as? [String: Int] == ["threshold": 42])
  }

  @Test func aLargeValueIsCutAndMarked() throws {
    let maps = try TypedMaps()
    let output = try Kiter.run(["map-elements", "\(maps.id("kt_huge"))", "-o", "jsonl"])
    #expect(output.status == 0)
    #expect(output.stderr.contains("4 values of value_hex were cut"), "\(output.stderr)")
    let row = try Row(json: Data(output.text.split(separator: "\n")[0].utf8))
    #expect((row.text("value_hex")?.count ?? 0) > 2 * 30_000)
    #expect(row.list("_cut")?.contains("value_hex") == true)
    #expect(row.isNull("value") && row.list("_unreadable") == ["value"])
  }

  @Test func statementsAndConditionsNarrow() throws {
    let maps = try TypedMaps()
    try maps.update("kt_array", key: [1, 0, 0, 0], value: [9, 0, 0, 0, 0, 0, 0, 0])
    let id = try maps.id("kt_array")
    let condition = "json_extract(value, '$.first') = 9"
    let rows = try Kiter.rows("map-elements", "\(id)", "--where", condition)
    #expect(rows.map { $0.text("key_hex") } == ["01000000"])
    let statement = "SELECT key FROM map_elements WHERE map_id = \(id) AND \(condition)"
    let output = try Kiter.run(["sql", statement, "-o", "csv", "--no-header"])
    #expect(output.text == "1\n", "\(output.stderr)")
    let count = try Kiter.run(["map-elements", "\(id)", "--count", "-o", "csv", "--no-header"])
    #expect(count.text == "4\n")
  }

  @Test func saysWhatCannotBeWalked() throws {
    let maps = try TypedMaps()
    try maps.make("trie", ["type", "lpm_trie", "key", "8", "value", "4", "entries", "4"], flags: 1)
    let trie = try Kiter.run(["map-elements", "\(maps.id("trie"))"])
    #expect(trie.status == 69)
    #expect(trie.stderr.contains("is of the kind lpm_trie, which this iterator cannot walk"))
    let missing = try Kiter.run(["map-elements", "4294967295"])
    #expect(missing.status == 1)
    #expect(missing.stderr.contains("there is no map 4294967295; kiter maps lists"))
    // Among all maps it is left out.
    #expect(try Kiter.run(["map-elements", "--count"]).status == 0)
    #expect(try Kiter.run(["pin", "map_elements"]).status == 64)
  }
}

/// The maps of Programs/typed_maps.bpf.c, loaded and pinned.
private final class TypedMaps {
  /// Those that every bpftool can show.
  static let known = [
    "kt_hash", "kt_array", "kt_lru", "kt_cpu_hash", "kt_cpu_array", "kt_cpu_lru",
  ]
  private let folder: URL
  private let pins: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "kiter-maps-\(UUID())")
    pins = "/sys/fs/bpf/\(folder.lastPathComponent)"
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.createDirectory(atPath: pins, withIntermediateDirectories: false)
    let source = packageRoot().appending(path: "Tests/KernelTests/Programs/typed_maps.bpf.c").path
    let object = folder.appending(path: "maps.o").path
    let compile = try Command.run([
      "sh", "-c",
      "clang -target bpf -O2 -g -I/usr/include/$(uname -m)-linux-gnu -c \(source) -o \(object)",
    ])
    guard compile.status == 0 else { throw Fixture.Failure(description: compile.stderr) }
    try BPFTool.run(["prog", "load", object, "\(pins)/program", "pinmaps", pins])
  }

  deinit {
    try? FileManager.default.removeItem(atPath: pins)
    try? FileManager.default.removeItem(at: folder)
  }

  func id(_ name: String) throws -> Int {
    try #require(BPFTool.object("map", "show", "pinned", "\(pins)/\(name)"))["id"].int
  }

  func make(_ name: String, _ shape: [String], flags: Int) throws {
    try BPFTool.run(
      ["map", "create", "\(pins)/\(name)"] + shape + ["name", name, "flags", "\(flags)"])
  }

  func update(_ name: String, key: [UInt8], value: [UInt8]) throws {
    try BPFTool.run(
      ["map", "update", "pinned", "\(pins)/\(name)", "key"] + key.map { "\($0)" } + ["value"]
        + value.map { "\($0)" })
  }

  /// Gives each map an element whose bytes all differ from their neighbours.
  func fill() throws {
    for name in Self.known {
      let map = try #require(BPFTool.object("map", "show", "pinned", "\(pins)/\(name)"))
      let key = [1] + [UInt8](repeating: 0, count: try map["bytes_key"].int - 1)
      var value = (0..<(try map["bytes_value"].int)).map { UInt8(truncatingIfNeeded: $0 * 37 + 11) }
      if name == "kt_hash" {
        // A text, one that is none, a truth value, and two enums' names.
        value.replaceSubrange(0..<8, with: Array("kite\0\0\0\0".utf8))
        value[15] = 1
        value.replaceSubrange(16..<20, with: [7, 0, 0, 0])
        value.replaceSubrange(24..<32, with: [0, 0, 0, 0, 0, 1, 0, 0])
      }
      try update(name, key: key, value: value)
    }
  }
}
