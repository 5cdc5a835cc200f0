import ArgumentParser
import IteratorCatalog
import RecordSchema

/// `kiter schema NAME`: what a table's records are, as JSON.
struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "A table's schema: every field, its unit and its source.")

  @Argument(
    help: "The table.", completion: .list(Catalog.tables.map { $0.schema.name }))
  var name: String

  func run() throws {
    guard let table = Catalog.tables.first(where: { $0.schema.name == name }) else {
      report("there is no table \"\(name)\"; kiter list shows those that there are")
      throw ExitStatus.usage
    }
    print(table.files.schema, terminator: "")
  }
}
