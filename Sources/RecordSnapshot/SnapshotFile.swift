import Glibc
public import RecordSchema

/// A snapshot file, all of whose blocks have been checked.
public final class SnapshotFile: Sendable {
  /// A table of the file.
  public struct Table: Sendable {
    /// Its name.
    public let name: String
    /// Bytes of its records when they are inflated.
    public fileprivate(set) var size = 0
    /// Where the block with its schema is in the file.
    fileprivate let start: Int
    /// Where its blocks of rows are.
    fileprivate var rows: Range<Int>
  }

  /// The file's path.
  public let path: String
  /// The host that it was made on.
  public let host: RecordedHost
  /// Its tables, in the order in which they were read.
  public let tables: [Table]
  private let descriptor: Int32

  /// Most tables that a file may have.
  private static var maximumTables: Int { 256 }
  /// Most bytes of a table's name and schema.
  private static var maximumSchema: Int { 1 << 20 }

  /// Opens a file and checks all of it, but decodes no schema and no record.
  ///
  /// - Throws: `SnapshotError` that says what is wrong with it.
  public init(_ path: String) throws(SnapshotError) {
    self.path = path
    let reader = try SnapshotReader(path)
    descriptor = reader.descriptor
    do throws(SnapshotError) {
      var position = try reader.readFirstLine()
      let begin = position
      let first = try reader.block(&position)
      guard first.kind == .host, let host = RecordedHost(first.content) else {
        throw reader.damaged("does not begin with the facts of a host", begin)
      }
      self.host = host
      tables = try Self.readTables(reader, position)
    } catch {
      close(reader.descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  private static func readTables(_ reader: SnapshotReader, _ start: Int) throws(SnapshotError)
    -> [Table]
  {
    var tables: [Table] = []
    var position = start
    while true {
      let begin = position
      let (kind, size) = try reader.skip(&position)
      switch kind {
      case .table:
        guard tables.count < maximumTables, size <= maximumSchema,
          let name = try nameAndSchema(reader, begin)?.name,
          !tables.contains(where: { $0.name == name })
        else { throw reader.damaged("has a table that cannot be", begin) }
        tables.append(Table(name: name, start: begin, rows: position..<position))
      case .rows where !tables.isEmpty:
        tables[tables.count - 1].size += size
        tables[tables.count - 1].rows = tables[tables.count - 1].rows.lowerBound..<position
      case .done:
        guard position == reader.size else { throw reader.damaged("goes on behind its end", begin) }
        return tables
      case .host, .rows: throw reader.damaged("has a block out of place", begin)
      }
    }
  }

  /// Reads the block that a table begins with; nil if it has no name, or one that cannot be.
  private static func nameAndSchema(_ reader: SnapshotReader, _ start: Int) throws(SnapshotError)
    -> (name: String, json: ArraySlice<UInt8>)?
  {
    var position = start
    let content = try reader.block(&position).content
    let name = content.prefix { $0 != 0 }
    guard 1...64 ~= name.count, name.allSatisfy({ (0x21..<0x7f).contains($0) }),
      name.count < content.count
    else { return nil }
    return (String(decoding: name, as: UTF8.self), content[(name.count + 1)...])
  }

  /// The table of that name.
  ///
  /// - Throws: `SnapshotError` that names those that there are.
  public func table(_ name: String) throws(SnapshotError) -> Table {
    if let table = tables.first(where: { $0.name == name }) { return table }
    let names = tables.map(\.name).joined(separator: ", ")
    throw SnapshotError(path, "has no table \(name); it has \(names.isEmpty ? "none" : names)")
  }

  /// The schema of a table, as it was when its records were written.
  ///
  /// - Throws: `SnapshotError` if this version of kiter cannot decode it.
  public func schema(of table: Table) throws(SnapshotError) -> Schema {
    let reader = SnapshotReader(path, descriptor, end: table.rows.lowerBound)
    let json = try Self.nameAndSchema(reader, table.start)?.json ?? []
    let schema: Schema
    do throws(SchemaError) { schema = try Schema(ofRecords: Array(json)) } catch {
      throw SnapshotError(
        path, "the schema of \(table.name) cannot be used by this version of kiter: \(error)")
    }
    guard schema.name == table.name else {
      throw SnapshotError(path, "the table \(table.name) has the schema of \"\(schema.name)\"")
    }
    return schema
  }

  /// The records of a table.
  public func source(of table: Table) -> SnapshotSource {
    let reader = SnapshotReader(path, descriptor, end: table.rows.upperBound)
    return SnapshotSource(self, reader, from: table.rows.lowerBound)
  }
}
