import Foundation
import Testing

@Suite(.kernel) struct MapsTests {
  /// Bit by bit what `BPF_F_…` of include/uapi/linux/bpf.h says.
  private static let flags = [
    "no_prealloc", "no_common_lru", "numa_node", "rdonly", "wronly", "stack_build_id", "zero_seed",
    "rdonly_prog", "wronly_prog", "clone", "mmapable", "preserve_elems", "inner_map",
  ]

  @Test func equalsBpftool() throws {
    let churn = try Fixture("churn", "200")
    let users = try BPFUsers()
    let pinned = try PinnedMaps()
    defer { churn.stop() }
    var comparison = FieldComparison("maps")
    let compared = try withExtendedLifetime((users, pinned)) {
      let before = try Self.maps()
      let rows = try Kiter.rows("maps", "--columns", "all")
      let after = try Self.maps()
      try Self.compareReferences(rows, pinned, &comparison)
      return try Self.compare(rows, before.filter { after[$0.key] == $0.value }, &comparison)
    }
    #expect(compared >= pinned.count + 4)
    try comparison.finish()
  }

  private static func compare(
    _ rows: [Row], _ maps: [Int64: Map], _ comparison: inout FieldComparison
  ) throws -> Int {
    let rows = Dictionary(uniqueKeysWithValues: rows.map { ($0.number("id") ?? 0, $0) })
    for (id, map) in maps {
      let row = try #require(rows[id], "map \(id) is missing")
      let place = "\(id), \(map.type)"
      comparison.compare("id", row.number("id"), id, in: place)
      comparison.compare("type", row.text("type"), map.type, in: place)
      comparison.compare("name", row.text("name"), map.name, in: place)
      comparison.compare("key_size", row.number("key_size"), map.keySize, in: place)
      comparison.compare("value_size", row.number("value_size"), map.valueSize, in: place)
      comparison.compare("max_entries", row.number("max_entries"), map.maxEntries, in: place)
      comparison.compare("flags", row.list("flags"), names(map.flags), in: place)
      comparison.compare("frozen", row.flag("frozen"), map.isFrozen, in: place)
      comparison.compare("btf_id", row.number("btf_id"), map.btf, in: place)
      comparison.compare("entries", row.number("entries"), map.elements, in: place)
    }
    return maps.count
  }

  private static func compareReferences(
    _ rows: [Row], _ pinned: PinnedMaps, _ comparison: inout FieldComparison
  ) throws {
    for (name, pins) in pinned.pins {
      let row = try #require(rows.first { $0.text("name") == name })
      comparison.compare("refcount", row.number("refcount"), pins, in: name)
      comparison.compare("user_refcount", row.number("user_refcount"), pins, in: name)
    }
  }

  private static func names(_ bits: Int64) -> [String] {
    flags.enumerated().filter { bits & 1 << $0.offset != 0 }.map(\.element)
  }

  /// What bpftool says of a map.
  fileprivate struct Map: Equatable {
    let type: String
    let name: String?
    let keySize, valueSize, maxEntries, flags: Int64
    let isFrozen: Bool
    let btf, elements: Int64?
  }

  private static func maps() throws -> [Int64: Map] {
    let isCounting = try ProcessInfo.processInfo.kernelHasSymbol("bpf_map_sum_elem_count")
    return try BPFTool.list("map", "show").reduce(into: [:]) { maps, listed in
      // Asked for all, bpftool passes the answer for one map as the question for the next, and
      // Linux 6.18 leaves what it does not know as it was: a map without BTF gets another's.
      let id = Int64(try listed["id"].int)
      let shown = BPFTool.object("map", "show", "id", "\(id)")
      maps[id] = shown.flatMap { try? Map($0, isCounting: isCounting) }
    }
  }
}

extension MapsTests.Map {
  fileprivate init(_ map: Facts, isCounting: Bool) throws {
    type = try map["type"].string
    name = try? map["name"].string
    keySize = Int64(try map["bytes_key"].int)
    valueSize = Int64(try map["bytes_value"].int)
    maxEntries = Int64(try map["max_entries"].int)
    flags = Int64(try map["flags"].int)
    isFrozen = try map["frozen"].int != 0
    btf = (try? map["btf_id"].int).map(Int64.init)
    let isCounted = isCounting && Self.counted.contains(type)
    elements =
      isCounted ? Int64(try BPFTool.list("map", "dump", "id", "\(map["id"].int)").count) : nil
  }

  /// The types of which the kernel counts the elements (kernel/bpf/hashtab.c).
  private static let counted: Set = [
    "hash", "percpu_hash", "lru_hash", "lru_percpu_hash", "hash_of_maps",
  ]
}

extension ProcessInfo {
  /// Has /proc/kallsyms this name?
  fileprivate func kernelHasSymbol(_ name: String) throws -> Bool {
    try Command.run(["grep", "-qw", name, "/proc/kallsyms"]).status == 0
  }
}

/// Maps of every type that bpftool can make, with known contents, held by pins alone.
private final class PinnedMaps {
  /// How often each is pinned, by name.
  private(set) var pins: [String: Int64] = [:]
  var count: Int { pins.count }
  private let directory: String

  init() throws {
    directory = "/sys/fs/bpf/kiter-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: false)
    for (type, key, value, flags) in Self.types {
      try make(type, type: type, key: key, value: value, flags: flags)
    }
    for type in ["hash", "percpu_hash", "lru_hash", "lru_percpu_hash"] {
      try make("full_\(type)", type: type, key: 4, value: 8)
      try fill("full_\(type)", entries: 7)
    }
    try BPFTool.run(["map", "freeze", "pinned", "\(directory)/array"])
    for copy in 1...2 {
      try BPFTool.run(["map", "pin", "pinned", "\(directory)/queue", "\(directory)/queue\(copy)"])
    }
    pins["queue"] = 3
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  /// Type, bytes of key and value, and flags.
  private static let types: [(String, Int, Int, Int)] = [
    ("hash", 4, 8, 1), ("array", 4, 16, 0x480), ("prog_array", 4, 4, 0),
    ("perf_event_array", 4, 4, 0x800), ("percpu_hash", 2, 8, 0x41), ("percpu_array", 4, 8, 0),
    ("stack_trace", 4, 80, 0), ("cgroup_array", 4, 4, 0), ("lru_hash", 8, 1, 0),
    ("lru_percpu_hash", 8, 8, 2), ("lpm_trie", 8, 3, 1), ("devmap", 4, 4, 0),
    ("sockmap", 4, 4, 0), ("cpumap", 4, 4, 0), ("sockhash", 6, 4, 0), ("queue", 0, 9, 0),
    ("stack", 0, 5, 0), ("devmap_hash", 4, 8, 0), ("ringbuf", 0, 0, 0),
    ("bloom_filter", 0, 4, 0), ("user_ringbuf", 0, 0, 0),
  ]

  private func make(_ name: String, type: String, key: Int, value: Int, flags: Int = 0) throws {
    let sizes = (key > 0 ? ["key", "\(key)"] : []) + (value > 0 ? ["value", "\(value)"] : [])
    let shown = String(name.prefix(15))
    // A map of processors has no more than there can be, a ring at least a page.
    let entries = type == "cpumap" ? "1" : "65536"
    try BPFTool.run(
      ["map", "create", "\(directory)/\(name)", "type", type] + sizes
        + ["entries", entries, "name", shown, "flags", "\(flags)"])
    pins[shown] = 1
  }

  private func fill(_ name: String, entries: Int) throws {
    for number in 1...entries {
      let key = ["\(number)", "0", "0", "0"]
      let value = [String](repeating: "1", count: 8)
      try BPFTool.run(
        ["map", "update", "pinned", "\(directory)/\(name)", "key"] + key + ["value"] + value)
    }
  }
}
