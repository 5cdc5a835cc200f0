public import RecordSchema

/// All records of one reading of a table, to be looked at in any order.
public final class StoredRecords {
  /// The columns that were read.
  public let projection: Projection
  private var bytes: [UInt8] = []
  /// Where each record ends.
  private var ends: [Int] = []
  /// What the stream said of itself; that of its first session.
  public private(set) var preamble: Preamble

  /// The number of records.
  public var count: Int { ends.count }

  /// Reads a source to its end, and keeps the records of which `isWanted` is true.
  ///
  /// - Throws: what the source throws, or `StreamError`.
  public init<Source: RecordSource & ~Copyable>(
    _ source: consuming Source, projection: Projection,
    where isWanted: (RawRecord) -> Bool = { _ in true }
  ) throws {
    self.projection = projection
    preamble = Preamble(
      layoutHash: projection.layout.hash, bootTime: 0, table: projection.schema.name,
      wanted: projection.wanted, lacking: projection.wanted.map { _ in 0 })
    var stream = RecordStream(source, schema: projection.schema, layout: projection.layout)
    while try stream.nextRecords({ record, _ in
      guard isWanted(record) else { return }
      record.copyBytes(to: &bytes)
      ends.append(bytes.count)
    }) {}
    if let found = stream.preamble { preamble = found }
  }

  /// No records of a table.
  init(empty schema: Schema) {
    projection = Projection(allOf: schema)
    preamble = Preamble(
      layoutHash: projection.layout.hash, bootTime: 0, table: schema.name,
      wanted: projection.wanted, lacking: projection.wanted.map { _ in 0 })
  }

  /// Hands over a record; the view is valid in the closure only.
  public func withRecord<T>(_ index: Int, _ body: (RawRecord) throws -> T) rethrows -> T {
    let start = index == 0 ? 0 : ends[index - 1]
    return try bytes.withUnsafeBytes { bytes in
      let record = UnsafeRawBufferPointer(rebasing: bytes[start..<ends[index]])
      return try body(RawRecord(bytes: record, partialOffset: projection.layout.partialOffset))
    }
  }
}
