import Foundation
import Testing

@Suite(.kernel) struct LinksTests {
  /// The link of each type that the fixture makes knows all of its columns: what is not among the
  /// fixture's facts must be null.
  @Test func equalsWhatWasMade() throws {
    let made = try MadeLinks()
    var comparison = FieldComparison("links")
    let rows = try Self.rows(made)
    let schema = try JSONDecoder().decode(Facts.self, from: Kiter.run(["schema", "links"]).stdout)
    let columns = try schema["fields"].array.map { try $0["name"].string }
    for (link, row) in zip(made.links, rows) {
      let place = try link["type"].string
      for column in columns {
        let fact = link[column]
        let expected = (try? fact.string) ?? (try? fact.int).map(String.init)
        comparison.compare(column, row.text(column) ?? row.shownNumber(column), expected, in: place)
      }
    }
    try comparison.finish()
  }

  @Test func equalsBpftool() throws {
    let made = try MadeLinks()
    let users = try BPFUsers()
    try withExtendedLifetime((made, users)) {
      let before = try BPFTool.list("link", "show")
      let rows = try Kiter.rows("links", "--columns", "all")
      let byID = Dictionary(uniqueKeysWithValues: rows.map { ($0.number("id") ?? 0, $0) })
      let after = Set(try BPFTool.list("link", "show").map { try $0["id"].int })
      #expect(before.count >= made.links.count + BPFUsers.programNames.count)
      for link in before where after.contains(try link["id"].int) {
        try Self.compare(try #require(byID[Int64(link["id"].int)]), link)
      }
    }
  }

  private static func compare(_ row: Row, _ link: Facts) throws {
    let place = Comment("link \(try link["id"].int)")
    // An older bpftool shows the numbers of types that it does not know.
    if let type = try? link["type"].string { #expect(row.text("type") == type, place) }
    #expect(row.number("prog_id") == (try Int64(link["prog_id"].int)), place)
    for (column, key) in [("target", "tp_name"), ("target", "target_name")] {
      if let name = try? link[key].string { #expect(row.text(column) == name, place) }
    }
    let numbers = [("net_ns", "netns_ino"), ("cgroup_id", "cgroup_id"), ("map_id", "map_id")]
    for (column, key) in numbers {
      if let number = try? link[key].int { #expect(row.number(column) == Int64(number), place) }
    }
  }

  private static func rows(_ made: MadeLinks) throws -> [Row] {
    let rows = try Kiter.rows("links", "--columns", "all")
    return try made.links.map { link in
      let id = Int64(try link["id"].int)
      return try #require(rows.first { $0.number("id") == id }, "link \(id) is missing")
    }
  }
}

/// Links of every type that the fixture can make.
final class MadeLinks {
  private let fixture: Fixture
  let links: [Facts]

  init() throws {
    let functions = ["bpf_fentry_test1", "bpf_iter_bpf_map_elem"].map { "FUNC '\($0)'" }
    let types = try Command.run(["bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux"])
    let lines = types.text.split(separator: "\n").filter { $0.contains("] FUNC '") }
    let numbers = try functions.map { function in
      let line = try #require(lines.first { $0.contains(function) }, "no \(function)")
      return String(line.dropFirst().prefix { $0 != "]" })
    }
    fixture = try Fixture("links", numbers[0], numbers[1])
    links = try fixture.facts["links"].array
  }
}

extension Row {
  /// A number as text.
  fileprivate func shownNumber(_ name: String) -> String? { number(name).map(String.init) }
}
