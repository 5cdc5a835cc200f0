import ArgumentParser
import IteratorCatalog
import RecordSchema
import RecordSnapshot

/// `kiter schema NAME`: what a table's records are, as JSON.
struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "A table's schema: every field, its unit and its source.")

  @Argument(
    help: "The table.", completion: .list(Catalog.tables.map { $0.schema.name }))
  var name: String

  @Option(
    help: ArgumentHelp("As this snapshot has it.", valueName: "file"), completion: .file())
  var from: String?

  func run() throws {
    if let from {
      return try reportingErrors {
        let file = try SnapshotFile(from)
        let schema = try file.schema(of: file.table(name))
        print(String(decoding: schema.json, as: UTF8.self))
      }
    }
    guard let table = Catalog.tables.first(where: { $0.schema.name == name }) else {
      report("there is no table \"\(name)\"; kiter list shows those that there are")
      throw ExitStatus.usage
    }
    print(table.files.schema, terminator: "")
  }
}
