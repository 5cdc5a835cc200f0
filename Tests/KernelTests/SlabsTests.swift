import Foundation
import Testing

@Suite(.kernel(.alone), .needsIterator("kmem_cache", since: "6.13")) struct SlabsTests {
  /// Flags that /sys/kernel/slab has a file for, by their names here.
  private static let flagFiles = [
    "consistency_checks": "sanity_checks", "red_zone": "red_zone", "poison": "poison",
    "hwcache_align": "hwcache_align", "cache_dma": "cache_dma", "store_user": "store_user",
    "typesafe_by_rcu": "destroy_by_rcu", "trace": "trace", "reclaim_account": "reclaim_account",
  ]
  private static let numberFiles = [
    "object_bytes": "object_size", "align_bytes": "align", "user_bytes": "usersize",
    "aliases": "aliases", "min_partial": "min_partial", "cpu_partial": "cpu_partial",
    "sheaf_capacity": "sheaf_capacity", "partial_slabs": "partial",
  ]

  /// Objects come and go all the time: of each cache, a look counts in which the kernel's files said
  /// the same before and after; if that one differs, too, another has to agree.
  @Test func equalsSlabinfo() throws {
    var looks: [String: (row: [String: String], known: [String: String])] = [:]
    let deadline = ContinuousClock.now + .seconds(90)
    while ContinuousClock.now < deadline {
      let before = try Self.caches()
      let rows = try Kiter.rows("slabs", "--columns", "all")
      let after = try Self.caches()
      let names = Set(rows.compactMap { $0.text("name") })
      #expect(names.symmetricDifference(before.keys) == [])
      #expect(rows.count == before.count)
      for row in rows {
        guard let name = row.text("name"), let known = before[name], after[name] == known,
          looks[name].map({ $0.row != $0.known }) ?? true
        else { continue }
        looks[name] = (Self.shown(row), known)
      }
      if looks.count == before.count && looks.values.allSatisfy({ $0.row == $0.known }) { break }
    }
    var comparison = FieldComparison("slabs")
    for (name, look) in looks {
      // /proc/slabinfo only estimates what is free in longer lists (count_partial_free_approx()).
      let isEstimate = (look.row["partial_slabs"].flatMap { Int($0) } ?? 0) > 10_000
      for field in Set(look.row.keys).union(look.known.keys)
      where !(isEstimate && field == "active_objects") {
        comparison.compare(field, look.row[field], look.known[field], in: name)
      }
    }
    #expect(looks.count > 100)
    try comparison.finish()
  }

  /// Thousands of objects that a process makes are counted, and no longer once it has ended.
  @Test func countsWhatAProcessMakes() throws {
    func active() throws -> Int64 {
      let row = try Kiter.rows("slabs", "--where", "name = 'vm_area_struct'").first
      return try #require(row?.number("active_objects"))
    }
    let before = try active()
    let fixture = try Fixture("memory", "maps", "20000")
    let during = try active()
    fixture.stop()
    #expect((before + 19_000..<before + 22_000).contains(during), "\(before), \(during)")
    #expect(try active() < during - 15_000)
  }

  private static func shown(_ row: Row) -> [String: String] {
    row.names.reduce(into: [:]) { values, field in
      if field == "flags" {
        values[field] = row.list(field)?.filter { flagFiles[$0] != nil }.joined(separator: ",")
      } else {
        values[field] = row.number(field).map(String.init) ?? row.text(field)
      }
    }
  }

  /// What /proc/slabinfo and /sys/kernel/slab say of each cache, by the names of the table's fields.
  private static func caches() throws -> [String: [String: String]] {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let text = String(decoding: try ProcFiles.contents("/proc/slabinfo"), as: UTF8.self)
    let lines = text.split(separator: "\n")
    return try lines.dropFirst(2).reduce(into: [:]) { caches, line in
      let words = line.split(separator: " ").map(String.init)
      let (pages, slabs) = try (#require(Int(words[5])), #require(Int(words[14])))
      var known = [
        "name": words[0], "active_objects": words[1], "objects": words[2],
        "slot_bytes": words[3], "objects_per_slab": words[4], "slabs": words[14],
        "slab_bytes": "\(pages * page)", "memory_bytes": "\(slabs * pages * page)",
      ]
      for (field, file) in numberFiles { known[field] = Self.file(words[0], file) }
      let flags = flagFiles.filter { Self.file(words[0], $0.value) == "1" }.keys
      known["flags"] = Self.order.filter(flags.contains).joined(separator: ",")
      let constructor = Self.file(words[0], "ctor")?.split(separator: "+").first
      known["constructor"] = constructor.map(String.init)
      caches[words[0]] = known
    }
  }

  /// As the kernel has them (`enum _slab_flag_bits`).
  private static let order = [
    "consistency_checks", "red_zone", "poison", "hwcache_align", "cache_dma", "store_user",
    "typesafe_by_rcu", "trace", "reclaim_account",
  ]

  /// The first word of a file; nil if there is none.
  private static func file(_ cache: String, _ name: String) -> String? {
    let text = try? String(contentsOfFile: "/sys/kernel/slab/\(cache)/\(name)", encoding: .utf8)
    return text?.split(whereSeparator: \.isWhitespace).first.map(String.init)
  }
}
