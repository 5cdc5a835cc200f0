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
    let program = try Int64(link["prog_id"].int)
    #expect(row.number("prog_id") == (program == 0 ? nil : program), place)
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
    let types = try KernelTypes()
    let functions = ["bpf_fentry_test1", "bpf_iter_bpf_map_elem"]
    let numbers = try functions.map { try #require(types.number(of: "FUNC '\($0)'"), "no \($0)") }
    fixture = try Fixture(["links"] + (numbers + types.congestionControl).map(String.init))
    links = try fixture.facts["links"].array
  }
}

/// The kernel's types as bpftool prints them.
private struct KernelTypes {
  private let lines: [Substring]

  init() throws {
    let text = try Command.run(["bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux"]).text
    lines = text.split(separator: "\n")
  }

  /// The number of a type.
  func number(of type: String) -> Int? {
    line(of: type).flatMap { Int(lines[$0].dropFirst().prefix { $0 != "]" }) }
  }

  /// What the fixture is to know to make a congestion control; nothing if the kernel takes none.
  var congestionControl: [Int] {
    let (structure, value) = ("tcp_congestion_ops", "bpf_struct_ops_tcp_congestion_ops")
    guard let number = self.number(of: "STRUCT '\(structure)'"),
      let holder = self.number(of: "STRUCT '\(value)'"), let size = self.size(of: value),
      let start = member("data", of: value), let name = member("name", of: structure)
    else { return [] }
    let functions = ["ssthresh", "cong_avoid", "undo_cwnd"].compactMap { member($0, of: structure) }
    return [number, holder, size, start.offset, name.offset]
      + functions.flatMap { [$0.index, $0.offset] }
  }

  private func line(of type: String) -> Int? { lines.firstIndex { $0.contains("] \(type)") } }

  private func size(of structure: String) -> Int? {
    line(of: "STRUCT '\(structure)'").flatMap { lines[$0].firstMatch(of: #/size=(\d+)/#) }
      .flatMap { Int($0.1) }
  }

  /// A member's place among the members, and in the structure in bytes.
  private func member(_ name: String, of structure: String) -> (index: Int, offset: Int)? {
    guard let begin = line(of: "STRUCT '\(structure)'") else { return nil }
    let members = lines[(begin + 1)...].prefix { !$0.hasPrefix("[") }
    guard let line = members.firstIndex(where: { $0.contains("'\(name)'") }),
      let bits = lines[line].firstMatch(of: #/bits_offset=(\d+)/#).flatMap({ Int($0.1) })
    else { return nil }
    return (line - begin - 1, bits / 8)
  }
}

extension Row {
  /// A number as text.
  fileprivate func shownNumber(_ name: String) -> String? { number(name).map(String.init) }
}
