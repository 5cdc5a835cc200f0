import ArgumentParser
import IteratorCatalog
import RecordSchema
import Testing

@testable import kiter

/// FastArguments against ArgumentParser, which reads the same options.
@Suite struct FastArgumentsTests {
  /// What ArgumentParser makes of the words behind a table's name; nil if it refuses them.
  private func parsed(_ words: [String], _ table: any KernelRecord.Type) -> TableArguments? {
    func parsed<Record: KernelRecord>(_ table: Record.Type) -> TableArguments? {
      try? TableCommand<Record>.parse(Array(words.dropFirst())).arguments
    }
    return parsed(table)
  }

  /// The same through the whole program, which looks at the help of every table first.
  private func parsedAsRoot(_ words: [String], _ table: any KernelRecord.Type) -> TableArguments? {
    func parsed<Record: KernelRecord>(_ table: Record.Type) -> TableArguments? {
      let command = try? Kiter.parseAsRoot(words) as? TableCommand<Record>
      return try? command?.arguments
    }
    return parsed(table)
  }

  /// Compares the two; false if FastArguments declined.
  private func isAcceptedAlike(_ words: [String]) -> Bool {
    guard let command = FastArguments.command(words[...]) else { return false }
    #expect(parsed(words, command.table) == command.arguments, "\(words)")
    return true
  }

  @Test(arguments: Catalog.tables.map { $0.schema.name.replacingUnderscores() })
  func everyFormOfEveryOption(name: String) throws {
    let schema = try #require(Catalog.table(command: name)).schema
    #expect(isAcceptedAlike([name]))
    #expect(parsedAsRoot([name], try #require(Catalog.table(command: name))) == TableArguments())
    let plain = try #require(FastArguments.command([name]))
    #expect(plain.arguments == TableArguments())
    for option in TableArguments.options(of: schema) {
      for value in CommandLines.values(of: option, schema) {
        for form in CommandLines.forms(of: option, value: value) {
          #expect(isAcceptedAlike([name] + form), "\(form)")
          let command = try #require(FastArguments.command([name] + form))
          #expect(command.table.schema.name == schema.name)
          #expect(command.arguments != plain.arguments, "\(form) must ask for something")
        }
      }
    }
  }

  @Test func ordinaryLinesAreAccepted() {
    var lines = CommandLines(seed: 1)
    for _ in 0..<400 {
      let line = lines.ordinary()
      #expect(isAcceptedAlike(line), "\(line)")
    }
  }

  @Test func hostileLinesGiveTheSameOrAreDeclined() {
    var lines = CommandLines(seed: 2)
    var accepted = 0
    for _ in 0..<2000 where isAcceptedAlike(lines.hostile()) { accepted += 1 }
    // Some are harmless; but if most were, they would not be hostile.
    #expect(accepted > 100 && accepted < 1000)
  }

  @Test(arguments: [
    [], ["--help"], ["--version"], ["help", "tasks"], ["list"], ["doctor"], ["schema", "tasks"],
    ["tusks"], ["Tasks"], ["tasks", "--help"], ["tasks", "-h"], ["tasks", "-c", "--help"],
    ["tasks", "--jso"], ["tasks", "--json", "-o", "csv"], ["tasks", "-o", "xml"],
    ["tasks", "--limit", "-1"], ["tasks", "--pid", "4294967296"], ["tasks", "--pid"],
    ["tasks", "--", "-c"], ["tasks", "pid"], ["tasks", ""],
    ["tasks", "--limit", "1", "--limit", "2"],
    ["tasks", "--json=1"], ["tasks", "-o=json"], ["tasks", "-ca=b"], ["tasks", "-vc", "pid"],
    ["tasks", "--no-raw"],
    ["sockets", "--port", "65536"], ["sockets", "--pid", "1"], ["files", "--path", "-x"],
  ])
  func whatIsRareOrWrongIsDeclined(words: [String]) {
    #expect(FastArguments.command(words[...]) == nil)
  }

  /// `kiter run` takes the options of the schema that it is given.
  @Test func anOutsidersTableIsReadAlike() throws {
    OutsideRecord.use(try #require(Catalog.table(command: "tasks")).schema)
    var lines = CommandLines(seed: 3)
    var accepted = 0
    for _ in 0..<600 {
      let words = (accepted % 2 == 0 ? lines.ordinary() : lines.hostile()).dropFirst()
      let line = ["x.o", "--schema", "x.json"] + words
      guard let run = FastArguments.run(["run"] + line) else { continue }
      accepted += 1
      let parsed = try? RunCommand.parse(line)
      #expect(parsed?.object == run.object && parsed?.schema == run.schema, "\(line)")
      #expect((try? parsed?.table.arguments) == run.arguments, "\(line)")
    }
    #expect(accepted > 30)
    for words in [["-x.o", "--schema", "y"], ["x.o", "--schema", "-y"], ["", "--schema", "y"]] {
      #expect(FastArguments.run(["run"] + words) == nil)
    }
  }

  @Test func theOrderOfOptionsMeansNothing() throws {
    let one = try #require(FastArguments.command(["sockets", "--udp", "--tcp", "--raw"]))
    let other = try #require(FastArguments.command(["sockets", "--raw", "--tcp", "--udp"]))
    #expect(one.arguments == other.arguments)
    #expect(one.arguments.rows.programs == ["tcp", "udp"])
  }

  @Test func everyTableHasItsCommand() {
    for table in Catalog.tables {
      let name = table.schema.name
      #expect(Catalog.table(command: name.replacingUnderscores())?.schema.name == name)
    }
  }
}
