public import KernelIterators
public import RecordSchema

/// The records of one reading of a table, in the kernel's order.
public struct Snapshot<Record: KernelRecord>: RandomAccessCollection, Sendable {
  private let storage: RecordStorage
  private let ends: [Int]

  /// The first record's index.
  public var startIndex: Int { 0 }
  /// One past the last record's index.
  public var endIndex: Int { ends.count }

  /// The record at an index.
  public subscript(index: Int) -> Record {
    let start = index == 0 ? 0 : ends[index - 1]
    return Record(RecordBytes(storage, start: start, count: ends[index] - start))
  }

  /// Reads all records of a source.
  ///
  /// - Throws: what the source throws, or `StreamError`.
  public init<Source: RecordSource & ~Copyable>(
    _ source: consuming Source, projection: Projection, host: HostFacts
  ) throws {
    var stream = RecordStream(source, schema: projection.schema, layout: projection.layout)
    var bytes: [UInt8] = []
    var ends: [Int] = []
    while try stream.nextRecords({ record, _ in
      record.copyBytes(to: &bytes)
      ends.append(bytes.count)
    }) {}
    let empty = Preamble(
      layoutHash: projection.layout.hash, bootTime: 0, table: projection.schema.name, wanted: [],
      lacking: [])
    storage = RecordStorage(
      bytes, preamble: stream.preamble ?? empty, schema: projection.schema, host: host)
    self.ends = ends
  }
}

extension KernelRecord {
  /// Reads the table from the running kernel.
  ///
  /// - Parameters:
  ///   - columns: what to read; the others are nil in each record.
  ///   - scope: what part of the kernel to walk.
  ///   - parameters: values of the schema's parameters.
  /// - Returns: the records, in the kernel's order.
  /// - Throws: `IteratorError` if the kernel refuses or lacks something, `StreamError`.
  public static func snapshot(
    columns: [Column], scope: IteratorScope = .all, parameters: [String: UInt32] = [:]
  ) throws -> Snapshot<Self> {
    let projection = try Projection(schema, columns: columns.map(\.rawValue))
    var request = TableRequest(projection)
    request.scopes = [scope]
    request.parameters = parameters
    return try Snapshot(KernelSource(files, request), projection: projection, host: .live())
  }
}
