import IteratorCatalog
import RecordSchema

/// Which columns of a table this kernel does not have, as its types (BTF) tell.
enum KernelColumns {
  /// What the table's programs say of themselves, with every column.
  static func lacking(_ table: any KernelRecord.Type) throws -> Set<String> {
    let projection = Projection(allOf: table.schema)
    let source = try KernelSource(table.files, TableRequest(projection))
    var stream = RecordStream(source, schema: table.schema, layout: projection.layout)
    while try stream.nextRecords({ _, _ in }), stream.preamble == nil {}
    // What is stored in memory has none if there is no object.
    guard let preamble = stream.preamble else { return [] }
    let columns = projection.columns.filter { column in
      (column.slot.map { [$0] } ?? column.inputs).contains { preamble.lacks($0.bit) }
    }
    return Set(columns.map(\.field.name))
  }

  /// The same, by the table's name; none if there is no such table.
  static func lacking(_ name: String) throws -> Set<String> {
    guard let table = Catalog.tables.first(where: { $0.schema.name == name }) else { return [] }
    return try lacking(table)
  }
}
