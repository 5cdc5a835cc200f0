import ArgumentParser
import RecordSchema

/// The options that every table has.
struct OutputOptions: ParsableArguments {
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case table, json, jsonl, csv
  }

  @Option(name: .shortAndLong, help: "How to write the rows.")
  var output: Format?

  @Flag(help: "The same as --output json.")
  var json = false

  @Option(
    name: .shortAndLong, parsing: .unconditional,
    help: ArgumentHelp(
      "Columns: a,b those, +a,-b the default ones with and without, all.", valueName: "list"))
  var columns: String?

  @Option(help: ArgumentHelp("Stop after this many rows.", valueName: "n"))
  var limit: Int?

  @Flag(help: "No line with titles.")
  var noHeader = false

  @Flag(help: "Numbers without units.")
  var raw = false

  @Flag(help: "Load through libbpf, and leave the cache of relocated programs alone.")
  var noCache = false

  @Flag(help: "Read from pins (kiter pin), even where programs may be loaded.")
  var pinned = false

  @Option(
    help: ArgumentHelp("Read from the pins in this folder.", valueName: "dir"),
    completion: .directory)
  var pins: String?

  @Flag(name: .shortAndLong, help: "Show what libbpf and the kernel's verifier say.")
  var verbose = false

  func validate() throws {
    if json, let output, output != .json {
      throw ValidationError("--json and --output \(output.rawValue) exclude each other.")
    }
    if let limit, limit < 0 { throw ValidationError("--limit takes a number from 0 up.") }
  }

  /// The format that was asked for.
  var format: Format { output ?? (json ? .json : .table) }

  /// The columns of a schema that were asked for, by name.
  ///
  /// - Throws: `UnknownColumn` where a name is taken away that there is not.
  func columnNames(of schema: Schema) throws(UnknownColumn) -> [String]? {
    guard let columns else { return nil }
    return try ColumnList(columns).names(of: schema)
  }
}
