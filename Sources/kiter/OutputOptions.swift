import IteratorCatalog
import RecordSchema

/// How a table's rows are written, as the command line says it.
struct OutputOptions: Equatable {
  enum Format: String, CaseIterable, Sendable {
    case table, json, jsonl, csv
  }

  var output: Format?
  var json = false
  /// As flame graphs are made of, whatever the format.
  var isFolded = false
  var columns: String?
  var limit: Int?
  var noHeader = false
  var raw = false
  /// Of which host and time each row is.
  var stamp = false
  /// What to call the host there; nil for its own name.
  var stampHost: String?
  var color: ColorChoice?
  var pager = false
  var engine: WalkEngine?
  var noCache = false
  var pinned = false
  var pins: String?
  var from: String?
  var verbose = false

  /// The options that every table has.
  static var options: [TableOption] {
    [
      .choice("output", short: "o", "How to write the rows: table, json, jsonl or csv.") {
        $0.output.output = $1
      },
      .flag("json", "The same as --output json.") {
        $0.output.json = true
        // Options are stored in this order: --output has been.
        guard let other = $0.output.output, other != .json else { return }
        throw UsageError(description: "--json and --output \(other.rawValue) exclude each other.")
      },
      .columns(
        "columns", short: "c",
        "Columns: a,b those, +a,-b the default ones with and without, all.", takesDashes: true
      ) { $0.output.columns = $1 },
      .number("limit", value: "n", "Stop after this many rows.") { $0.output.limit = Int($1) },
      .flag("no-header", "No line with titles.") { $0.output.noHeader = true },
      .flag("raw", "Numbers without units.") { $0.output.raw = true },
      .flag("stamp", "Begin each row with host, boot_id and time; not in a table.") {
        $0.output.stamp = true
      },
      .text("stamp-host", value: "name", "The same, with this name: a container has its own.") {
        $0.output.stamp = true
        $0.output.stampHost = $1
      },
      .choice("color", "Colors: auto (on a terminal, if NO_COLOR is not set), always or never.") {
        $0.output.color = $1
      },
      .flag("pager", "Show the rows in $PAGER, or less.") { $0.output.pager = true },
      .choice("engine", "How to read, if not as is fastest here: seq or direct.") {
        $0.output.engine = $1
      },
      .flag("no-cache", "Load through libbpf, and leave the cache of relocated programs alone.") {
        $0.output.noCache = true
      },
      .flag("pinned", "Read from pins (kiter pin), even where programs may be loaded.") {
        $0.output.pinned = true
      },
      .text("pins", value: "dir", "Read from the pins in this folder.") { $0.output.pins = $1 },
      .file("from", "Read from this snapshot (kiter snapshot), whichever host it is of.") {
        $0.output.from = $1
      },
      .flag("verbose", short: "v", "Show what libbpf and the kernel's verifier say.") {
        $0.output.verbose = true
      },
    ]
  }

  /// Are there to be colors?
  var isColored: Bool { (color ?? .auto).isOn }

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
