import RecordSchema
import Synchronization

/// Picks rows by their own values, where the program could not be told: what was recorded has all
/// rows.
struct RowFilter: Sendable {
  /// What one field must be equal to: any of some values.
  private struct Condition: Sendable {
    let slot: RecordLayout.Slot
    let values: [FilterValue]
  }

  /// The processes that were asked for, and of which no row has been seen.
  private final class WantedPids: Sendable {
    let slot: RecordLayout.Slot
    let missing: Mutex<Set<UInt64>>

    init(_ pids: [UInt32], _ slot: RecordLayout.Slot) {
      self.slot = slot
      missing = Mutex(Set(pids.map { UInt64($0) }))
    }
  }

  /// The columns that it looks at, by name.
  let columns: [String]
  private let conditions: [Condition]
  /// The numbers of the programs whose rows are wanted.
  private let programs: [Int]
  private let isAnyProgram: Bool
  private let pids: WantedPids?

  /// Picks the rows of some processes and programs (of all, if none is given) that match, as the
  /// program would.
  init(_ schema: Schema, _ rows: RowSelection, _ matches: [String: FilterValue]) {
    var wanted = matches.mapValues { [$0] }
    if !rows.pids.isEmpty { wanted["pid"] = rows.pids.map { .number(UInt64($0)) } }
    columns = wanted.keys.sorted()
    let slots = zip(schema.storedFields, RecordLayout(schema).slots)
    conditions = slots.compactMap { field, slot in
      wanted[field.name].map { Condition(slot: slot, values: $0) }
    }
    let pid = rows.pids.isEmpty ? nil : slots.first { $0.0.name == "pid" }?.1
    pids = pid.map { WantedPids(rows.pids, $0) }
    isAnyProgram = rows.programs.isEmpty
    let names = schema.programs.map(\.name)
    programs = names.indices.filter { rows.programs.contains(names[$0]) }
  }

  /// The processes that were asked for, and of which no record came.
  var missingPids: [UInt64] { pids?.missing.withLock { $0.sorted() } ?? [] }

  /// Has a record the values? One that does not apply is equal to nothing.
  func accepts(_ record: RawRecord) -> Bool {
    guard isAnyProgram || programs.contains(record.program) else { return false }
    if let pids, let pid = record.value(pids.slot).number {
      pids.missing.withLock { _ = $0.remove(pid) }
    }
    return conditions.allSatisfy { condition in
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
