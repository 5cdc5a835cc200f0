import ArgumentParser
import IteratorCatalog
import RecordSchema

/// Reads an outsider's table as its command line says.
struct OutsideRun: Equatable {
  let object: String
  let schema: String
  let arguments: TableArguments

  init(_ object: String, _ schema: String, _ arguments: TableArguments) {
    (self.object, self.schema, self.arguments) = (object, schema, arguments)
  }

  func run() throws {
    try reportingErrors { OutsideRecord.use(try OutsideTable(object: object, schema: schema)) }
    try TableRun(OutsideRecord.self, arguments).run()
  }
}

/// `kiter run OBJ --schema FILE`: a table of the user's own, with all that tables have.
struct RunCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "run", abstract: "Run an iterator of your own, with all that tables have.",
      discussion: """
        The object file is compiled with the header that kiter schema --header makes of the schema. \
        With --schema, --help shows the options and columns of that schema, too. Try:
          kiter schema --header limits.json >limits.gen.h
          kiter run ./limits.bpf.o --schema limits.json --sort files_soft:desc
        """ + columnHelp())
  }

  @Argument(help: "The BPF object file.", completion: .file(extensions: ["o"]))
  var object: String
  @Option(
    help: "What its records are; in the form of this program's own.",
    completion: .file(extensions: ["json"]))
  var schema: String
  @OptionGroup var table: TableCommand<OutsideRecord>

  func run() throws { try OutsideRun(object, schema, table.arguments).run() }

  /// Reads the schema that a command line names, before its other words are looked at.
  static func readSchema(of words: [String]) throws {
    guard let path = schemaPath(in: words) else { return }
    try reportingErrors { OutsideRecord.use(try SchemaSource(path).schema) }
  }

  /// The last word behind `--schema`.
  static func schemaPath(in words: [String]) -> String? {
    var path: String?
    for (index, word) in words.enumerated() {
      if word == "--schema", index + 1 < words.count { path = words[index + 1] }
      if word.hasPrefix("--schema=") { path = String(word.dropFirst("--schema=".count)) }
    }
    return path
  }

  private static func columnHelp() -> String {
    let discussion = TableCommand<OutsideRecord>.configuration.discussion
    return OutsideRecord.schema.columns.isEmpty ? "" : "\n\n" + discussion
  }
}
