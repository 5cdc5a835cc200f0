import ArgumentParser
import RecordSchema

/// The options that every table has.
struct OutputOptions: ParsableArguments {
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case table, json, jsonl, csv
  }

  enum Engine: String, CaseIterable, ExpressibleByArgument {
    case seq, direct
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

  @Option(help: ArgumentHelp("How to read; by itself what is fastest here.", valueName: "engine"))
  var engine: Engine?

  @Flag(help: "Load through libbpf, and leave the cache of relocated programs alone.")
  var noCache = false

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
    if columns == "all" { return schema.columns.map(\.name) }
    let items = columns.split(separator: ",").map { trimmed($0) }.filter { !$0.isEmpty }
    let isChange = items.contains { $0.hasPrefix("+") || $0.hasPrefix("-") }
    var names = isChange ? schema.columns.filter(\.isDefault).map(\.name) : []
    for item in items {
      let name = item.hasPrefix("+") || item.hasPrefix("-") ? String(item.dropFirst()) : item
      _ = try Projection(schema, columns: [name])
      if item.hasPrefix("-") {
        names.removeAll { $0 == name }
      } else if !names.contains(name) {
        names.append(name)
      }
    }
    return names
  }

  private func trimmed(_ item: Substring) -> String { String(item.filter { $0 != " " }) }
}
