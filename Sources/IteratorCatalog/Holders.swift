import RecordSchema

/// Which processes hold what, as a walk over their open files showed it.
struct Holders {
  private let projection: Projection
  private var bytes: [UInt8] = []
  /// Where each holder's record begins, by what it holds.
  private var places: [(key: UInt64, start: Int)] = []

  /// The number of the file system on which all such files are: include/uapi/linux/magic.h.
  static func magic(of held: Schema.Owners.Held) -> UInt32 {
    switch held {
    case .socket: 0x534f_434b
    case .bpfMap, .bpfProg, .bpfLink: 0x0904_1934
    }
  }

  /// The columns of `files` that say what a file stands for.
  static func columns(of held: Schema.Owners.Held) -> [String] {
    held == .socket ? ["inode"] : ["bpf_id", "anon"]
  }

  /// Reads who holds objects of one kind.
  ///
  /// - Parameters:
  ///   - source: all files of the file system where objects of that kind are.
  ///   - projection: its columns, which begin with those that say what a file stands for.
  ///   - held: the kind.
  /// - Throws: `IteratorError`, `StreamError`.
  init(_ source: RepeatedSource, _ projection: Projection, _ held: Schema.Owners.Held) throws {
    self.projection = projection
    guard let key = projection.columns[0].slot else { return }
    let kind = held == .socket ? nil : projection.columns[1].slot
    var stream = RecordStream(source, schema: projection.schema, layout: projection.layout)
    while try stream.nextRecords({ record, _ in
      guard let number = record.value(key).number else { return }
      if let kind {
        guard case .bytes(let name) = record.value(kind), name.elementsEqual(held.rawValue.utf8)
        else { return }
      }
      places.append((number, bytes.count))
      record.copyBytes(to: &bytes)
    }) {}
    // Holders of the same object stay in the walk's order.
    places.sort { $0.key == $1.key ? $0.start < $1.start : $0.key < $1.key }
  }

  /// Hands over the record of each holder of an object.
  ///
  /// - Returns: false if there is none.
  func forEach(of key: UInt64, _ body: (RawRecord) -> Void) -> Bool {
    var (low, high) = (0, places.count)
    while low < high {
      let middle = (low + high) / 2
      if places[middle].key < key { low = middle + 1 } else { high = middle }
    }
    let first = low
    bytes.withUnsafeBytes { bytes in
      while low < places.count, places[low].key == key {
        let start = places[low].start
        // SAFETY: a whole record begins there, as the stream has seen to, with its size.
        let size = Int(bytes.loadUnaligned(fromByteOffset: start, as: UInt16.self))
        let record = UnsafeRawBufferPointer(rebasing: bytes[start..<start + size])
        body(RawRecord(bytes: record, partialOffset: projection.layout.partialOffset))
        low += 1
      }
    }
    return low > first
  }
}
