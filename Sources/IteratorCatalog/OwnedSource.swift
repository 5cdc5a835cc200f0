import KernelIterators
import RecordSchema

/// Records of a table with those who hold its objects: a row for each holder, and one for an object
/// that no process holds.
///
/// The holders are read first: whoever lets go of an object meanwhile is shown as its holder.
final class OwnedSource: RecordSource {
  private let table: RepeatedSource
  private let files: RepeatedSource
  private let wide: Projection
  private let own: Projection
  private let holder: Projection
  private let owners: Schema.Owners
  private let key: RecordLayout.Slot
  /// The walk under way; nil before the first read.
  private var walk: OwnedWalk?

  /// Loads the programs if the request's schema has owners.
  ///
  /// - Throws: `IteratorError`.
  static func ifAsked(
    _ files: EmbeddedFiles, _ request: TableRequest, _ onStall: (@Sendable (StallPlace) -> Void)?
  ) throws(IteratorError) -> OwnedSource? {
    let schema = request.projection.schema
    guard schema.showsOwners, let owners = schema.owners else { return nil }
    return try OwnedSource(files, request, owners, onStall)
  }

  private init(
    _ files: EmbeddedFiles, _ request: TableRequest, _ owners: Schema.Owners,
    _ onStall: (@Sendable (StallPlace) -> Void)?
  ) throws(IteratorError) {
    wide = request.projection
    own = wide.withoutOwners(findingBy: owners.key)
    self.owners = owners
    let columns = Holders.columns(of: owners.held) + OwnedRecords.sources(for: wide)
    guard let holder = try? Projection(FilesRecord.schema, columns: columns),
      let number = own.schema.storedFields.firstIndex(where: { $0.name == owners.key })
    else { preconditionFailure("files has the columns, and the schema was validated") }
    self.holder = holder
    key = own.layout.slots[number]
    var request = request
    request.projection = own
    table = try RepeatedSource(files, request, onStall: onStall)
    var holders = TableRequest(holder)
    holders.parameters = ["magic": Holders.magic(of: owners.held)]
    holders.cache = request.cache
    self.files = try RepeatedSource(FilesRecord.files, holders)
  }

  /// Begins again: what is read then is the kernel as it is then.
  func restart() {
    walk = nil
    table.restart()
    files.restart()
  }

  /// Reads the next bytes; 0 at the end.
  ///
  /// - Throws: `IteratorError`, `StreamError`.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let walk = try self.walk ?? begin()
    self.walk = walk
    return try walk.read(into: buffer)
  }

  private func begin() throws -> OwnedWalk {
    OwnedWalk(
      table, own, key, try Holders(files, holder, owners.held),
      OwnedRecords(wide, from: holder))
  }
}

/// One walk over the table, when the holders are known.
private final class OwnedWalk {
  private let holders: Holders
  private let key: RecordLayout.Slot
  private var stream: RecordStream<RepeatedSource>
  private var records: OwnedRecords
  /// Bytes of the records that have been read.
  private var position = 0
  /// Of the latest preamble that was passed on.
  private var preambleTime: UInt64?

  init(
    _ table: RepeatedSource, _ own: Projection, _ key: RecordLayout.Slot, _ holders: Holders,
    _ records: consuming OwnedRecords
  ) {
    self.holders = holders
    self.key = key
    stream = RecordStream(table, schema: own.schema, layout: own.layout)
    self.records = records
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    while position == records.bytes.count {
      if try !refill() { return 0 }
    }
    let count = min(buffer.count, records.bytes.count - position)
    records.bytes.withUnsafeBytes {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<position + count]))
    }
    position += count
    return count
  }

  /// Makes the next records; false at the end of the table.
  private func refill() throws -> Bool {
    records.removeAll()
    position = 0
    let isOpen = try stream.nextRecords { record, preamble in
      pass(preamble)
      let isHeld =
        record.value(key).number.map { number in
          holders.forEach(of: number) { records.append(record, heldBy: $0) }
        } ?? false
      if !isHeld { records.append(record, heldBy: nil) }
    }
    if let preamble = stream.preamble { pass(preamble) }
    return isOpen || !records.bytes.isEmpty
  }

  /// Each of the table's programs has a preamble of its own.
  private func pass(_ preamble: Preamble) {
    guard preambleTime != preamble.bootTime else { return }
    preambleTime = preamble.bootTime
    records.append(preamble)
  }
}
