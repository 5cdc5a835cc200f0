import RecordSchema

/// Picks the rows of some processes, where the walk could not be told: a pin's is over all.
struct ProcessFilter {
  /// The column that tells the process.
  static let column = "pid"

  private let slot: RecordLayout.Slot
  private let pids: Set<UInt64>

  /// Picks by the column `pid`; nil if the table does not have it.
  init?(_ schema: Schema, _ pids: [UInt32]) {
    let columns = Projection(allOf: schema).columns
    guard let slot = columns.first(where: { $0.field.name == Self.column })?.slot else {
      return nil
    }
    self.slot = slot
    self.pids = Set(pids.map(UInt64.init))
  }

  /// Does a record belong to one of the processes?
  func accepts(_ record: RawRecord) -> Bool {
    record.value(slot).number.map(pids.contains) ?? false
  }
}
