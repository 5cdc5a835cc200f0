import ArgumentParser
import IteratorCatalog
import RecordOutput
import RecordSchema
import RecordSnapshot

/// `kiter schema NAME`: what a table's records are, as JSON or as the header of a program.
struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "A table's schema: every field, its unit and its source.",
    discussion: """
      A name with a dot or a slash is a file: a schema of your own, which is checked.
        kiter schema tasks
        kiter schema --header my.json >my.gen.h
        kiter schema tasks --as duckdb --stamp | duckdb fleet.db
      """)

  @Flag(help: "The C header that a program of the table includes, instead of the schema.")
  var header = false

  @Option(
    name: .customLong("as"),
    help: "As another program has it: json-schema of a row, or the table for its database.")
  var form: Form?

  @Flag(help: "With --as: with the columns that --stamp of a table adds.")
  var stamp = false

  @Argument(
    help: "The table, or a schema file.", completion: .list(Catalog.tables.map { $0.schema.name }))
  var name: String

  @Option(
    help: ArgumentHelp("As this snapshot has it.", valueName: "file"), completion: .file())
  var from: String?

  func run() throws {
    if let from {
      return try reportingErrors {
        let file = try SnapshotFile(from)
        let schema = try file.schema(of: file.table(name))
        show(schema, String(decoding: schema.json, as: UTF8.self) + "\n")
      }
    }
    if name.contains(".") || name.contains("/") {
      try reportingErrors {
        let source = try SchemaSource(name)
        show(source.schema, String(decoding: source.json, as: UTF8.self))
      }
      return
    }
    guard let table = Catalog.tables.first(where: { $0.schema.name == name }) else {
      report("there is no table \"\(name)\"; kiter list shows those that there are")
      throw ExitStatus.usage
    }
    show(table.schema, table.files.schema)
  }

  func validate() throws {
    if header && form != nil { throw ValidationError("--header and --as exclude each other") }
    if stamp && form == nil { throw ValidationError("--stamp is a part of --as; add it") }
  }

  /// Other programs' forms of a schema.
  enum Form: String, CaseIterable, ExpressibleByArgument {
    case jsonSchema = "json-schema"
    case clickhouse, duckdb, sqlite
  }

  private func show(_ schema: Schema, _ json: String) {
    let text =
      switch form {
      case nil: header ? cHeader(for: schema) : json
      case .jsonSchema: schema.jsonSchema(stamp: stamp)
      case .clickhouse: schema.definition(for: .clickhouse, stamp: stamp)
      case .duckdb: schema.definition(for: .duckdb, stamp: stamp)
      case .sqlite: schema.definition(for: .sqlite, stamp: stamp)
      }
    print(text, terminator: "")
  }
}
