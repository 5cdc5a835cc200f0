import RecordSchema

/// One of the two readings.
final class DifferenceSide {
  let records: StoredRecords
  private let evaluator: RecordEvaluator
  private let columns: [Projection.Column]
  private let keys: [RecordLayout.Slot]

  init(_ records: StoredRecords, _ host: HostFacts) {
    self.records = records
    columns = records.projection.columns
    evaluator = RecordEvaluator(records.projection, host: host)
    let (schema, layout) = (records.projection.schema, records.projection.layout)
    keys = schema.key.compactMap { name in
      zip(schema.storedFields, layout.slots).first { $0.0.name == name }?.1
    }
  }

  var count: Int { columns.count }

  /// What tells a row from others, as bytes that are the same for the same values.
  func key(_ index: Int) -> [UInt8] {
    records.withRecord(index) { record in
      var key: [UInt8] = []
      for slot in keys { record.value(slot).append(to: &key) }
      return key
    }
  }

  /// Is a column's value another one in the other reading's row?
  func differs(_ index: Int, from other: DifferenceSide, _ otherIndex: Int, column: Int) -> Bool {
    let isDerived = columns[column].slot == nil
    guard stored(index, column) != other.stored(otherIndex, column) else { return false }
    return !isDerived || value(index, column) != other.value(otherIndex, column)
  }

  /// What the kernel wrote of a column.
  private func stored(_ index: Int, _ column: Int) -> [UInt8] {
    let column = columns[column]
    return records.withRecord(index) { record in
      var bytes: [UInt8] = []
      for slot in column.slot.map({ [$0] }) ?? column.inputs {
        record.value(slot).append(to: &bytes)
      }
      return bytes
    }
  }

  /// What a column shows.
  private func value(_ index: Int, _ column: Int) -> [UInt8] {
    records.withRecord(index) { record in
      var bytes: [UInt8] = []
      evaluator.value(evaluator.plans[column], of: record, in: records.preamble).append(to: &bytes)
      return bytes
    }
  }

  /// Stores the values of a row's columns.
  func put(
    _ index: Int, into encoder: inout RecordEncoder, _ slots: ArraySlice<RecordLayout.Slot>
  ) {
    records.withRecord(index) { record in
      for (plan, slot) in zip(evaluator.plans, slots) {
        let value = evaluator.value(plan, of: record, in: records.preamble)
        encoder.put(slot, value, isCut: evaluator.isCut(plan, of: record))
      }
    }
  }
}

extension FieldValue {
  /// Appends bytes that are the same for the same values, and begin with their number.
  fileprivate func append(to bytes: inout [UInt8]) {
    switch self {
    case .absent: bytes.append(0)
    case .unreadable: bytes.append(1)
    case .unsigned(let number): Self.append(2, number, to: &bytes)
    case .signed(let number): Self.append(number < 0 ? 3 : 2, number, to: &bytes)
    case .real(let number): Self.append(4, number, to: &bytes)
    case .bytes(let content):
      Self.append(5, UInt64(content.count), to: &bytes)
      bytes += content
    }
  }

  private static func append<Number: BitwiseCopyable>(
    _ tag: UInt8, _ number: Number, to bytes: inout [UInt8]
  ) {
    bytes.append(tag)
    withUnsafeBytes(of: number) { bytes += $0 }
  }
}
