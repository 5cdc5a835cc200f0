public import RecordSchema

/// How a table differs between two readings, as a stream of records: rows that only the older one
/// has, then those that are new or have changed, by the key that the schema declares.
///
/// A changed row is there twice, as it was and as it is. A value has changed if what the kernel
/// wrote differs; of a derived one also what is made of it.
public struct RecordDifference: RecordSource, ~Copyable {
  /// What became of a row.
  enum Change: UInt64, CaseIterable {
    case removed = 1, added, before, after
  }

  /// A row to give.
  private struct Row {
    let change: Change
    let index: Int
    /// The columns that have changed.
    var columns: [Int] = []
  }

  /// What the rows are: what became of each, the columns that have changed, and the columns.
  public let schema: Schema
  private let layout: RecordLayout
  private let old: DifferenceSide
  private let new: DifferenceSide
  private let names: [String]
  private let rows: [Row]
  private var next = 0
  private var hasBegun = false

  /// Compares two readings, which have the same columns, the key's among them.
  ///
  /// - Parameters:
  ///   - old: the older reading, and the host that it was made on.
  ///   - new: the newer one.
  public init(
    from old: (records: StoredRecords, host: HostFacts),
    to new: (records: StoredRecords, host: HostFacts)
  ) {
    self.old = DifferenceSide(old.records, old.host)
    self.new = DifferenceSide(new.records, new.host)
    schema = Schema(differenceOf: new.records.projection)
    layout = RecordLayout(schema)
    names = new.records.projection.columns.map(\.field.name)
    rows = Self.rows(self.old, self.new)
  }

  /// The rows that only the newer reading has.
  public var added: Int { rows.count { $0.change == .added } }
  /// The rows that only the older reading has.
  public var removed: Int { rows.count { $0.change == .removed } }
  /// The rows that both have, with other values.
  public var changed: Int { rows.count { $0.change == .after } }

  private static func rows(_ old: DifferenceSide, _ new: DifferenceSide) -> [Row] {
    var left: [[UInt8]: [Int]] = [:]
    // From the last: rows with the same key, which there should not be, are taken in their order.
    for index in (0..<old.records.count).reversed() {
      left[old.key(index), default: []].append(index)
    }
    var rows: [Row] = []
    for index in 0..<new.records.count {
      guard let before = left[new.key(index)]?.popLast() else {
        rows.append(Row(change: .added, index: index))
        continue
      }
      let columns = (0..<new.count).filter { old.differs(before, from: new, index, column: $0) }
      guard !columns.isEmpty else { continue }
      rows.append(Row(change: .before, index: before, columns: columns))
      rows.append(Row(change: .after, index: index, columns: columns))
    }
    let removed = left.values.joined().sorted()
    return removed.map { Row(change: .removed, index: $0) } + rows
  }

  /// Gives rows until the buffer is full; 0 at the end.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    var used = 0
    func put(_ bytes: [UInt8]) -> Bool {
      guard bytes.count <= buffer.count - used else { return false }
      buffer[used..<used + bytes.count].copyBytes(from: bytes)
      used += bytes.count
      return true
    }
    if !hasBegun {
      hasBegun = true
      _ = put(Preamble(ofAll: layout, in: schema).encoded)
    }
    while next < rows.count, put(record(rows[next])) { next += 1 }
    return used
  }

  private func record(_ row: Row) -> [UInt8] {
    var encoder = RecordEncoder(layout)
    encoder.put(layout.slots[0], .unsigned(row.change.rawValue))
    if !row.columns.isEmpty {
      var list = Array(row.columns.map { names[$0] }.joined(separator: ",").utf8)
      list.withUnsafeMutableBytes {
        encoder.put(layout.slots[1], .bytes(UnsafeRawBufferPointer($0)))
      }
    }
    let side = row.change == .removed || row.change == .before ? old : new
    side.put(row.index, into: &encoder, layout.slots[2...])
    return encoder.finish()
  }
}

extension Schema {
  /// The schema of a difference: what became of a row, the columns that have changed, and columns
  /// that hold what the projection's show.
  fileprivate init(differenceOf projection: Projection) {
    let change = NameSet(
      name: "change", isFlags: false,
      values: RecordDifference.Change.allCases.map { .init("\($0)", $0.rawValue) })
    var fields = [
      Field(
        name: "change", type: .u8, kind: .enumeration, summary: "", source: "", oracle: "",
        isDefault: true, names: change.name),
      Field(
        name: "changed", type: .text, kind: .text, summary: "", source: "", oracle: "",
        isDefault: true),
    ]
    for column in projection.columns {
      var field = column.field
      field.type = field.type ?? field.derivation?.resultType
      field.derivation = nil
      field.inputs = []
      fields.append(field)
    }
    self.init(
      name: projection.schema.name, version: 1, summary: "", programs: [], scopes: [],
      parameters: [], key: [], names: projection.schema.names + [change], fields: fields)
  }
}
