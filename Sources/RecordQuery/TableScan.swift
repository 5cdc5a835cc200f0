public import RecordSchema

/// What a statement needs of a table.
public struct TableScan: Hashable, Sendable {
  /// Columns by name.
  public var columns: [String]
  /// The only process that counts, where the kernel can narrow the walk to it.
  public var pid: UInt32?
  /// The only thread that counts.
  public var tid: UInt32?
  /// The only BPF map that counts.
  public var map: UInt32?
  /// Values that fields must be equal to, where the program can compare.
  public var matches: [String: FilterValue] = [:]

  /// Needs these columns of all records.
  public init(columns: [String]) { self.columns = columns }
}

/// A table that can be asked for, and how it is read.
public struct QueryTable {
  /// What its records are.
  public let schema: Schema
  /// Reads it.
  public let read: (TableScan) throws -> StoredRecords

  /// Names a table and its reader.
  public init(_ schema: Schema, read: @escaping (TableScan) throws -> StoredRecords) {
    self.schema = schema
    self.read = read
  }
}
