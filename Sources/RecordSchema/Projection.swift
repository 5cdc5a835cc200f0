/// The columns that were asked for, and what the program must store for them.
public struct Projection: Sendable {
  /// One column: where its value comes from.
  public struct Column: Sendable {
    /// The field as the schema has it.
    public let field: Field
    /// Its own place, if it is stored.
    public let slot: RecordLayout.Slot?
    /// The places that it is derived from, if it is derived.
    public let inputs: [RecordLayout.Slot]
    /// The names of its values, if they have any.
    public let names: Schema.NameSet?
  }

  /// The schema that the columns belong to.
  public let schema: Schema
  /// Where its stored fields lie.
  public let layout: RecordLayout
  /// The columns in the order asked for.
  public let columns: [Column]
  /// A bit for each stored field that the columns need.
  public internal(set) var wanted: [UInt64]
  /// Where the tail begins: behind the last wanted field.
  public internal(set) var fixedSize: Int

  /// Plans the given columns of a schema.
  ///
  /// - Parameters:
  ///   - schema: the table.
  ///   - names: columns by name; nil for those shown by default.
  ///   - filters: fields that the program compares, whether they are columns or not.
  /// - Throws: `UnknownColumn` for a name that the schema does not have.
  public init(
    _ schema: Schema, columns names: [String]? = nil, filters: [String] = []
  ) throws(UnknownColumn) {
    guard let names else {
      self.init(schema, fields: schema.columns.filter(\.isDefault), filters: filters)
      return
    }
    var fields: [Field] = []
    for name in names { fields.append(try schema.column(name)) }
    self.init(schema, fields: fields, filters: filters)
  }

  /// Plans all columns of a schema.
  public init(allOf schema: Schema) { self.init(schema, fields: schema.columns, filters: []) }

  init(_ schema: Schema, fields: [Field], filters: [String]) {
    let layout = RecordLayout(schema)
    let columns = fields.map { field in
      Column(
        field: field, slot: layout.slot(field.name, of: schema),
        inputs: field.inputs.compactMap { layout.slot($0, of: schema) },
        names: field.names.flatMap { name in schema.names.first { $0.name == name } })
    }
    var wanted = [UInt64](repeating: 0, count: layout.words)
    var end = RecordLayout.headerSize + 16 * layout.words
    let shown = columns.flatMap { column in column.slot.map { [$0] } ?? column.inputs }
    for slot in shown + filters.compactMap({ layout.slot($0, of: schema) }) {
      wanted[slot.bit / 64] |= 1 << UInt64(slot.bit % 64)
      end = max(end, slot.end)
    }
    self.schema = schema
    self.layout = layout
    self.columns = columns
    self.wanted = wanted
    fixedSize = (end + 7) & ~7
  }
}

extension Projection {
  /// The cost group of fields whose reading takes a process's mmap_lock.
  private static var lock: String { "mmap_lock" }

  /// The cost groups whose helpers the kernel has for iterator programs alone.
  private static var costsOfIterators: Set<String> { ["path"] }

  /// Does a program have to sleep for what is asked for, or may the kernel say so?
  public var maySleep: Bool {
    layout.slots.contains { slot in
      wanted[slot.bit / 64] >> UInt64(slot.bit % 64) & 1 == 1
        && [Self.lock, "stack"].contains(schema.storedFields[slot.bit].cost)
    }
  }

  /// How many texts and lists each record has.
  public var wantedTexts: Int {
    layout.slots.count { slot in
      wanted[slot.bit / 64] >> UInt64(slot.bit % 64) & 1 == 1
        && [.text, .u32List, .u64List].contains(slot.type)
    }
  }

  /// The columns that only an iterator program can fill, and none that walks by itself.
  public var iteratorColumns: [String] {
    columns.filter { column in
      let stored = [column.field.name] + column.field.inputs
      return stored.contains { Self.costsOfIterators.contains(schema.field($0)?.cost ?? "") }
    }.map(\.field.name)
  }

  /// The columns that make the walk wait where a process's memory is locked.
  public var waitingColumns: [String] {
    columns.filter { column in
      schema.fields.contains { field in
        field.cost == Self.lock
          && (field.name == column.field.name || column.field.inputs.contains(field.name))
      }
    }.map(\.field.name)
  }

  /// Can the walk have to wait at all?
  public var mayWait: Bool {
    !waitingColumns.isEmpty || schema.programs.contains { $0.locks == Self.lock }
  }
}

/// A column that a table does not have.
public struct UnknownColumn: Error, CustomStringConvertible {
  /// What was asked for.
  public let name: String
  /// The table's name.
  public let table: String
  /// The columns whose names are near.
  public let near: [String]
  /// Is it there with a row for each holder?
  let isOfOwners: Bool

  init(name: String, schema: Schema) {
    self.name = name
    table = schema.name
    near = nearestNames(to: name, in: schema.columns.map(\.name))
    isOfOwners = schema.owners != nil && OwnerColumn.fields.contains { $0.name == name }
  }

  /// What and what next, on one line.
  public var description: String {
    if isOfOwners { return "\(table) has the column \"\(name)\" only with --owners" }
    let help = "the table's --help lists its columns"
    guard !near.isEmpty else { return "\(table) has no column \"\(name)\"; \(help)" }
    let names = near.map { "\"\($0)\"" }.joined(separator: " or ")
    return "\(table) has no column \"\(name)\"; did you mean \(names)? \(help)"
  }
}
