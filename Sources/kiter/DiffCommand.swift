import ArgumentParser
import IteratorCatalog
import RecordSchema
import RecordSnapshot

/// The options of `kiter diff`.
enum DiffOptionList: OptionList {
  static var options: [TableOption] {
    let names = ["output", "json", "columns", "limit", "no-header", "raw"]
    return OutputOptions.options.filter { names.contains($0.name) }
  }
}

/// `kiter diff OLD NEW [TABLE]`: what has changed between two snapshots.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Show which rows two snapshots do not share.",
    discussion: """
      Rows are matched by the key of their table. One that only the older snapshot has is removed, \
      one that only the newer has is added; one whose columns differ is there as it was before and \
      after, with the names of those that have changed. The columns compared are those shown: the \
      default ones, or --columns.

      Without a table: all that both have, one after another; as JSON, an object with an array for \
      each.
      """)

  @Argument(help: "The older snapshot.", completion: .file()) var old: String
  @Argument(help: "The newer snapshot.", completion: .file()) var new: String
  @Argument(
    help: "The table; without it all.", completion: .list(Catalog.tables.map { $0.schema.name }))
  var table: String?
  @OptionGroup(title: "Output") var options: ReflectedOptions<DiffOptionList>

  func run() throws {
    let output = try TableArguments(DiffOptionList.options, given: options.given).output
    try reportingErrors {
      let (old, new) = (try OpenedSnapshot(old), try OpenedSnapshot(new))
      if let table {
        let difference = try TableDifference(old.table(table), new.table(table), output)
        return try difference.write(output)
      }
      let shared = new.file.tables.map(\.name).filter { name in
        old.file.tables.contains { $0.name == name }
      }
      let tables = try shared.map { (try old.table($0), try new.table($0)) }
      switch output.format {
      case .json: try writeObject(of: tables, output)
      case .table: try writeSections(of: tables, output)
      case .jsonl, .csv:
        throw UsageError(
          description: "--output \(output.format.rawValue) has the rows of one table; name it")
      }
    }
  }

  private func writeObject(of tables: [(SnapshotTable, SnapshotTable)], _ output: OutputOptions)
    throws
  {
    for (index, (old, new)) in tables.enumerated() {
      try writeOutput((index == 0 ? "{\n" : ",\n") + "\"\(new.schema.name)\": ")
      try TableDifference(old, new, output).write(output)
    }
    try writeOutput(tables.isEmpty ? "{}\n" : "}\n")
  }

  /// Tables without a difference are passed over.
  private func writeSections(of tables: [(SnapshotTable, SnapshotTable)], _ output: OutputOptions)
    throws
  {
    var isFirst = true
    for (old, new) in tables {
      let difference = try TableDifference(old, new, output)
      guard !difference.isEmpty else { continue }
      try writeOutput((isFirst ? "" : "\n") + difference.heading + "\n")
      isFirst = false
      try difference.write(output)
    }
  }
}
