import Foundation
import Testing

@Suite(.kernel) struct KsymsTests {
  /// A line of /proc/kallsyms.
  private struct Symbol: Hashable {
    let address: UInt64?
    let type: String
    let name: String
    let module: String?

    /// Programs come and go, this table's own among them.
    var isGenerated: Bool { module == "bpf" }
  }

  @Test func equalsKallsyms() throws {
    let churn = try Fixture("churn", "200")
    defer { churn.stop() }
    let before = try Self.symbols(Command.run(["cat", "/proc/kallsyms"]))
    let rows = try Kiter.rows("ksyms", "--columns", "all")
    let after = try Self.symbols(Command.run(["cat", "/proc/kallsyms"]))
    let expected = before.filter { !$0.isGenerated }
    try #require(after.filter { !$0.isGenerated } == expected, "a module was loaded or unloaded")
    let lasting = rows.filter { $0.text("module") != "bpf" }
    #expect(expected.count > 10_000)
    #expect(lasting.count == expected.count)

    var comparison = FieldComparison("ksyms")
    for (row, symbol) in zip(lasting, expected) {
      comparison.compare("address", row.hex("address"), symbol.address, in: symbol.name)
      comparison.compare("type", row.text("type"), symbol.type, in: symbol.name)
      comparison.compare("name", row.text("name"), symbol.name, in: symbol.name)
      comparison.compare("module", row.text("module"), symbol.module, in: symbol.name)
    }
    try Self.compareSizes(lasting, &comparison)
    try comparison.finish()
  }

  /// The kernel's own code ends where the next symbol begins, whatever the order of the list.
  private static func compareSizes(_ rows: [Row], _ comparison: inout FieldComparison) throws {
    let core = rows.filter { $0.isNull("module") }
    let addresses = Set(core.compactMap { $0.hex("address") }).sorted()
    let next = Dictionary(uniqueKeysWithValues: zip(addresses, addresses.dropFirst()))
    let sizes = core.filter { $0.number("size") != nil }
    #expect(sizes.count > core.count * 9 / 10)
    for row in sizes {
      let address = try #require(row.hex("address"))
      // Nothing is said of the last one: what ends it is no symbol.
      guard let end = next[address] else { continue }
      comparison.compare(
        "size", row.number("size"), Int64(end - address), in: row.text("name") ?? "")
    }
  }

  @Test func showsProgramsAsBpftoolDoes() throws {
    let users = try BPFUsers()
    let programs = try withExtendedLifetime(users) {
      let before = try Self.programs()
      let rows = try Kiter.rows("ksyms", "--columns", "all").filter { $0.text("module") == "bpf" }
      let after = try Self.programs()
      let symbols = Dictionary(grouping: rows) { $0.text("name") ?? "" }
      return before.filter { after[$0.key] == $0.value }.map { ($0, symbols[$0.key] ?? []) }
    }
    #expect(programs.count >= BPFUsers.programNames.count)
    for (program, rows) in programs {
      #expect(!rows.isEmpty, "\(program)")
      for row in rows {
        #expect(row.text("type") == "t")
        #expect(row.number("size").map(program.value.contains) == true, "\(program)")
        #expect(row.hex("address") != nil)
      }
    }
  }

  /// The symbols of programs that have one, and the bytes of each program of that name: one that is
  /// loaded twice need not be as long both times. bpftool adds up those of subprograms, which the
  /// programs looked at do not have.
  private static func programs() throws -> [String: Set<Int64>] {
    try BPFTool.list("prog", "show").reduce(into: [:]) { programs, program in
      guard let name = try? program["name"].string, BPFUsers.programNames.contains(name) else {
        return
      }
      let symbol = "bpf_prog_\(try program["tag"].string)_\(name)"
      programs[symbol, default: []].insert(Int64(try program["bytes_jited"].int))
    }
  }

  /// Who may not see addresses in /proc/kallsyms does not see them here.
  @Test func hidesAddressesAsKallsymsDoes() throws {
    let restricted = ["setpriv", "--bounding-set", "-syslog", "--inh-caps", "-syslog"]
    let symbols = try Self.symbols(Command.run(restricted + ["cat", "/proc/kallsyms"]))
    let rows = try Command.run(restricted + [Kiter.executable(), "ksyms", "--output", "jsonl"])
    #expect(rows.status == 0, "\(rows.stderr)")
    let lines = rows.stdout.split(separator: UInt8(ascii: "\n"))
    #expect(lines.count > 10_000)
    let shown = try lines.prefix(1000).map { try Row(json: $0).hex("address") }
    // Some symbols really are at 0.
    let isHidden = symbols.allSatisfy { $0.address == 0 }
    #expect(shown == symbols.prefix(1000).map { isHidden ? nil : $0.address })
  }

  private static func symbols(_ output: Command.Output) throws -> [Symbol] {
    try output.text.split(separator: "\n").map { line in
      let halves = line.split(separator: "\t", maxSplits: 1)
      let parts = halves[0].split(separator: " ", maxSplits: 2)
      let address = try #require(UInt64(parts[0], radix: 16))
      let module = halves.count > 1 ? String(halves[1].dropFirst().dropLast()) : nil
      return Symbol(
        address: address, type: String(parts[1]), name: String(parts[2]), module: module)
    }
  }
}
