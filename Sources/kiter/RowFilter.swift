import RecordSchema

/// Picks rows by their own values, where the program could not be told: a pin's gives all rows.
struct RowFilter {
  /// What one field must be equal to: any of some values.
  private struct Condition {
    let slot: RecordLayout.Slot
    let values: [FilterValue]
  }

  /// The columns that it looks at, by name.
  let columns: [String]
  private let conditions: [Condition]

  /// Picks the rows of some processes (of all, if none is given) that match, as the program would.
  init(_ schema: Schema, pids: [UInt32], _ matches: [String: FilterValue]) {
    var wanted = matches.mapValues { [$0] }
    if !pids.isEmpty { wanted["pid"] = pids.map { .number(UInt64($0)) } }
    columns = wanted.keys.sorted()
    conditions = zip(schema.storedFields, RecordLayout(schema).slots).compactMap { field, slot in
      wanted[field.name].map { Condition(slot: slot, values: $0) }
    }
  }

  /// Has a record the values? One that does not apply is equal to nothing.
  func accepts(_ record: RawRecord) -> Bool {
    conditions.allSatisfy { condition in
      let value = record.value(condition.slot)
      return condition.values.contains { wanted in
        switch (wanted, value) {
        case (.number(let number), _): value.number == number
        case (.text(let text), .bytes(let bytes)): bytes.elementsEqual(text)
        default: false
        }
      }
    }
  }
}
