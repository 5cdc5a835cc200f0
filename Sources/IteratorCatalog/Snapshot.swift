public import KernelIterators
public import RecordSchema

/// The records of one reading of a table, in the kernel's order.
public struct Snapshot<Record: KernelRecord>: RandomAccessCollection, Sendable {
  private let storage: RecordStorage
  /// Where each record begins.
  private let starts: [Int]

  /// The first record's index.
  public var startIndex: Int { 0 }
  /// One past the last record's index.
  public var endIndex: Int { starts.count }

  /// The record at an index.
  public subscript(index: Int) -> Record { Record(RecordBytes(storage, start: starts[index])) }

  /// Reads all records of a source.
  ///
  /// - Throws: what the source throws, or `StreamError`.
  public init<Source: RecordSource & ~Copyable>(
    _ source: consuming Source, projection: Projection, host: HostFacts
  ) throws {
    var stream = RecordStream(source, schema: projection.schema, layout: projection.layout)
    var bytes: [UInt8] = []
    var starts: [Int] = []
    while try stream.nextRecords({ record, _ in
      starts.append(bytes.count)
      record.copyBytes(to: &bytes)
    }) {}
    storage = RecordStorage(
      bytes, preamble: stream.preamble, schema: projection.schema, layout: projection.layout,
      host: host)
    self.starts = starts
  }

  /// Copies what a direct walk leaves in mapped memory, a piece at a time.
  init(_ source: DirectSource, projection: Projection, host: HostFacts) throws {
    var cutter = RecordCutter(schema: projection.schema, layout: projection.layout)
    var starts: [Int] = []
    var bytes: [UInt8] = []
    bytes.reserveCapacity(try source.leastSize())
    try source.forEachPiece { piece in
      try cutter.cut(piece, from: bytes.count, noting: &starts)
      bytes.append(contentsOf: piece)
    }
    storage = RecordStorage(
      bytes, preamble: cutter.preamble, schema: projection.schema, layout: projection.layout,
      host: host)
    self.starts = starts
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
