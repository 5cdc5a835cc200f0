import IteratorCatalog
import KernelIterators
import RecordSchema

/// A table and the columns that its pin is to have.
struct PinnableTable {
  let record: any KernelRecord.Type
  let projection: Projection

  init(_ name: String, _ columns: String?) throws {
    let record = try catalogTable(name)
    self.record = record
    if record.schema.scopes.contains(.map) {
      throw PinUsageError("\(record.schema.name): a pin would be of one map; it cannot be pinned")
    }
    if record.schema.programs.contains(where: \.endsSilently) {
      throw PinUsageError(
        "\(record.schema.name): of a pin the kernel gives 32 KiB, and does not say that there is "
          + "more; it cannot be pinned")
    }
    let schema = record.schema.forPinning
    let list = columns.map(ColumnList.init)
    var names = try list?.names(of: schema) ?? schema.columns.filter(\.isDefault).map(\.name)
    if list?.isAll == true {
      names.removeAll { schema.field($0).map(schema.showsAddresses) ?? false }
    }
    if names.isEmpty { throw PinUsageError("\(schema.name): --columns leaves no column") }
    projection = try Projection(record.schema, columns: names)
  }

  func pins(in folder: PinFolder) -> TablePins { TablePins(record.schema, in: folder) }

  /// Says what has been made for whom.
  func announce(in folder: PinFolder, _ access: PinAccess) {
    let pins = pins(in: folder)
    let columns = projection.columns.map(\.field)
    for program in record.schema.programs {
      let path = folder.path(of: pins.file(of: program.name))
      print(
        "\(path): \(access.octalMode) \(ownerAndGroup(access)), \(columns.map(\.name).joined(separator: ","))"
      )
    }
    let telling = columns.filter(record.schema.showsAddresses).map(\.name)
    guard !telling.isEmpty else { return }
    report(
      "\(record.schema.name): the pin shows addresses in memory (\(telling.joined(separator: ","))), "
        + "which help to attack the kernel or other users' processes")
  }
}
