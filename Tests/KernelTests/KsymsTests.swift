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
    let before = try Self.symbols(Command.run(["cat", "/proc/kallsyms"]))
    let rows = try Self.lines(
      Kiter.run(["ksyms", "--columns", "address,type,name,module,size", "-o", "csv", "--no-header"])
    )
    let after = try Self.symbols(Command.run(["cat", "/proc/kallsyms"]))
    churn.stop()
    let expected = before.filter { !$0.isGenerated }
    try #require(after.filter { !$0.isGenerated } == expected, "a module was loaded or unloaded")
    let lasting = rows.filter { !$0.symbol.isGenerated }
    #expect(expected.count > 10_000)
    #expect(lasting.count == expected.count)

    var comparison = FieldComparison("ksyms")
    for (index, (line, symbol)) in zip(lasting, expected).enumerated() {
      let row = line.symbol
      // What is equal need not be compared field by field each time.
      if index > 1000 && row == symbol { continue }
      comparison.compare("address", row.address, symbol.address, in: symbol.name)
      comparison.compare("type", row.type, symbol.type, in: symbol.name)
      comparison.compare("name", row.name, symbol.name, in: symbol.name)
      comparison.compare("module", row.module, symbol.module, in: symbol.name)
    }
    try Self.compareSizes(lasting, &comparison)
    try comparison.finish()
  }

  /// The kernel's own code ends where the next symbol begins, whatever the order of the list.
  private static func compareSizes(_ lines: [Line], _ comparison: inout FieldComparison) throws {
    let core = lines.filter { $0.symbol.module == nil }
    let addresses = Set(core.compactMap(\.symbol.address)).sorted()
    let next = Dictionary(uniqueKeysWithValues: zip(addresses, addresses.dropFirst()))
    let sizes = core.filter { $0.size != nil }
    #expect(sizes.count > core.count * 9 / 10)
    for line in sizes {
      let address = try #require(line.symbol.address)
      // Nothing is said of the last one: what ends it is no symbol.
      guard let end = next[address] else { continue }
      // As above; what differs, and some that do not, are compared.
      if line.size == Int64(end - address) && address % 64 != 0 { continue }
      comparison.compare("size", line.size, Int64(end - address), in: line.symbol.name)
    }
  }

  /// A row as CSV has it: a hundred thousand of them as JSON take minutes on an emulated processor.
  private struct Line {
    let symbol: Symbol
    let size: Int64?
  }

  private static func lines(_ output: Command.Output) throws -> [Line] {
    try output.text.utf8.split(separator: UInt8(ascii: "\n")).map { line in
      let parts = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      try #require(parts.count == 5 && !line.contains(UInt8(ascii: "\"")), "\(Substring(line))")
      let texts = parts.map { $0.isEmpty ? nil : String(Substring($0)) }
      let symbol = Symbol(
        address: texts[0].flatMap { UInt64($0.dropFirst(2), radix: 16) }, type: texts[1] ?? "",
        name: texts[2] ?? "", module: texts[3])
      return Line(symbol: symbol, size: texts[4].flatMap { Int64($0) })
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
    try output.text.utf8.split(separator: UInt8(ascii: "\n")).map { line in
      let halves = line.split(separator: UInt8(ascii: "\t"), maxSplits: 1)
      let parts = halves[0].split(separator: UInt8(ascii: " "), maxSplits: 2)
      let texts = parts.map { String(Substring($0)) }
      let address = try #require(UInt64(texts[0], radix: 16))
      let module = halves.count > 1 ? String(Substring(halves[1].dropFirst().dropLast())) : nil
      return Symbol(address: address, type: texts[1], name: texts[2], module: module)
    }
  }
}
