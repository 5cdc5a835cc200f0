public import RecordSchema

/// Writes a snapshot: the host's facts, then tables, each with its schema and its records.
public struct SnapshotWriter: ~Copyable {
  private let output: SnapshotOutput
  private var rows: [UInt8] = []

  /// Bytes of records that go into a block: large enough to deflate well.
  private static var rowsOfBlock: Int { 256 << 10 }

  /// Begins a snapshot.
  ///
  /// - Throws: `SnapshotError`.
  public init(_ output: SnapshotOutput, host: RecordedHost) throws(SnapshotError) {
    self.output = output
    try output.write(Array(SnapshotBlock.firstLine.utf8))
    try write(.host, host.encoded)
  }

  /// Writes a table: all records of a source, to its end.
  ///
  /// - Returns: how many records.
  /// - Throws: what the source throws, `StreamError` or `SnapshotError`.
  public mutating func write<Source: RecordSource & ~Copyable>(
    _ source: consuming Source, _ schema: Schema
  ) throws -> Int {
    try write(.table, Array(schema.name.utf8) + [0] + schema.json)
    var stream = RecordStream(source, schema: schema, layout: RecordLayout(schema))
    var preamble: Preamble?
    var count = 0
    while try stream.nextRecords({ record, current in
      if current != preamble { rows += current.encoded }
      preamble = current
      record.copyBytes(to: &rows)
      count += 1
    }) {
      if rows.count >= Self.rowsOfBlock { try writeRows() }
    }
    // A table without records still says which columns it has.
    if count == 0, let empty = stream.preamble { rows += empty.encoded }
    try writeRows()
    return count
  }

  /// Writes the end, and gives the file its name.
  ///
  /// - Throws: `SnapshotError`.
  public consuming func finish() throws(SnapshotError) {
    try write(.done, [])
    try output.commit()
  }

  private mutating func writeRows() throws(SnapshotError) {
    guard !rows.isEmpty else { return }
    try write(.rows, rows)
    rows.removeAll(keepingCapacity: true)
  }

  private func write(_ kind: SnapshotBlock.Kind, _ content: [UInt8]) throws(SnapshotError) {
    guard content.count <= SnapshotBlock.maximumSize else {
      throw SnapshotError(output.path, "the \(kind) of this host do not fit into a block")
    }
    try output.write(content.withUnsafeBytes { SnapshotBlock.encoded(kind, $0) })
  }
}
