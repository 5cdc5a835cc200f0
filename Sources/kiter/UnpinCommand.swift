import ArgumentParser
import IteratorCatalog
import KernelIterators
import RecordSchema

/// `kiter unpin NAME…`: takes tables from users without privilege.
struct UnpinCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unpin", abstract: "Remove pins of tables.",
    discussion: "Readers that have begun read on to the end.")

  @Argument(
    help: "The tables, or files of the folder.",
    completion: .list(Catalog.tables.map { $0.schema.name }))
  var names: [String] = []

  @Flag(help: "All pins that kiter made, of other versions too.")
  var all = false

  @OptionGroup var place: PinPlace

  func validate() throws {
    if names.isEmpty != all { throw ValidationError("Name tables, or give --all.") }
  }

  func run() throws {
    try reportingErrors {
      if all && !place.folder.exists { return }
      let writer = try PinWriter(place.folder)
      let pins = foundPins(in: place.folder)
      let chosen = try all ? pins : names.flatMap { try find($0, in: pins) }
      for pin in chosen { try writer.remove(pin.file) }
    }
  }

  private func find(_ name: String, in pins: [FoundPin]) throws -> [FoundPin] {
    let table = String(name.map { $0 == "-" ? "_" : $0 })
    let found = pins.filter { $0.table == table || $0.file == name }
    if !found.isEmpty { return found }
    report("\(name): there is no pin of it in \(place.path); kiter pins shows those that there are")
    throw ExitStatus.failed
  }
}
