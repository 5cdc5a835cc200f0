public import RecordSchema

/// A table of a snapshot file as a source of records.
public struct SnapshotSource: RecordSource {
  /// Keeps the descriptor open.
  private let file: SnapshotFile
  private let reader: SnapshotReader
  private var position: Int
  private var content: ArraySlice<UInt8> = []

  init(_ file: SnapshotFile, _ reader: SnapshotReader, from start: Int) {
    self.file = file
    self.reader = reader
    position = start
  }

  /// Reads the next bytes; 0 at the end of the table.
  ///
  /// - Throws: `SnapshotError`.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(SnapshotError) -> Int
  {
    while content.isEmpty, position < reader.size {
      content = try reader.block(&position).content[...]
    }
    let part = content.prefix(buffer.count)
    buffer.copyBytes(from: part)
    content = content.dropFirst(part.count)
    return part.count
  }
}
