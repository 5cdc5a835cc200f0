/// Gives the values of a projection's columns: stored ones as they are, derived ones computed.
///
/// Keeps what derivations need (user names, scratch), each filled when first used.
public struct RecordEvaluator: ~Copyable {
  /// The columns, in the projection's order.
  public let plans: [ColumnPlan]
  @usableFromInline let names: [ValueName]
  @usableFromInline let nameBytes: [UInt8]
  private let inputs: [RecordLayout.Slot]
  private let host: HostFacts
  private let latest = LatestCgroup()
  private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 << 10, alignment: 1)

  /// Plans the evaluation of a projection's columns.
  ///
  /// - Parameters:
  ///   - projection: the columns.
  ///   - host: where derivations find what records do not hold.
  public init(_ projection: Projection, host: HostFacts) {
    self.host = host
    var plans: [ColumnPlan] = []
    var inputs: [RecordLayout.Slot] = []
    var names: [ValueName] = []
    var bytes: [UInt8] = []
    for column in projection.columns {
      guard let slot = column.slot ?? column.inputs.first else { continue }
      let firstInput = inputs.count
      let firstName = names.count
      inputs += column.inputs
      for value in column.names?.values ?? [] {
        let start = bytes.count
        bytes += value.name.utf8
        names.append(
          ValueName(
            value: value.value, start: start, end: bytes.count, verdict: value.verdict))
      }
      plans.append(
        ColumnPlan(
          kind: column.field.kind, type: column.field.type, derivation: column.field.derivation,
          slot: slot, inputs: firstInput..<inputs.count, names: firstName..<names.count,
          numberMask: column.names?.numberMask ?? 0))
    }
    self.plans = plans
    self.inputs = inputs
    self.names = names
    nameBytes = bytes
  }

  deinit { scratch.deallocate() }

  /// A column's value in `record`, which a stream with `preamble` brought.
  ///
  /// Bytes of a derived value are valid until the next derived value.
  @inlinable
  public func value(_ plan: ColumnPlan, of record: RawRecord, in preamble: borrowing Preamble)
    -> FieldValue
  {
    guard let derivation = plan.derivation else { return record.value(plan.slot) }
    return derivedValue(derivation, plan, of: record, openedAt: preamble.bootTime)
  }

  /// The number that people are shown where a name is not known, as ps does; nil for all that is
  /// no name.
  public func numberForName(_ plan: ColumnPlan, of record: RawRecord) -> UInt64? {
    plan.derivation == .userName ? record.value(plan.slot).number : nil
  }

  /// A stored column's number.
  public func number(_ plan: ColumnPlan, of record: RawRecord) -> UInt64? {
    plan.derivation == nil ? record.value(plan.slot).number : nil
  }

  /// Was a stored value, or the first input of a derived one, cut?
  @inlinable
  public func isCut(_ plan: ColumnPlan, of record: RawRecord) -> Bool { record.isCut(plan.slot) }

  /// Hands over the name of an enum's value.
  ///
  /// - Returns: false if it has none.
  @inlinable
  public func withName(
    of number: UInt64, _ plan: ColumnPlan, _ body: (UnsafeRawBufferPointer) -> Void
  ) -> Bool {
    for index in plan.names where names[index].value == number {
      withBytes(of: names[index], body)
      return true
    }
    return false
  }

  /// What an enum's value means to whoever looks for trouble.
  public func verdict(of number: UInt64, _ plan: ColumnPlan) -> Schema.Verdict? {
    plan.names.first { names[$0].value == number }.flatMap { names[$0].verdict }
  }

  /// Hands over the name of each flag that is set, and of the number that shares the value.
  ///
  /// - Returns: the bits that have no name.
  @inlinable
  public func forEachName(
    of number: UInt64, _ plan: ColumnPlan, _ body: (UnsafeRawBufferPointer) -> Void
  ) -> UInt64 {
    var rest = number & ~plan.numberMask
    for index in plan.names {
      let value = names[index].value
      if value & ~plan.numberMask == 0 {
        if plan.numberMask != 0, number & plan.numberMask == value {
          withBytes(of: names[index], body)
        }
      } else if number & value == value, rest & value != 0 {
        rest &= ~value
        withBytes(of: names[index], body)
      }
    }
    return rest
  }

  @usableFromInline
  func withBytes(of name: ValueName, _ body: (UnsafeRawBufferPointer) -> Void) {
    nameBytes.withUnsafeBytes {
      body(UnsafeRawBufferPointer(rebasing: $0[name.start..<name.end]))
    }
  }

  @usableFromInline
  func derivedValue(
    _ derivation: Derivation, _ plan: ColumnPlan, of record: RawRecord, openedAt now: UInt64
  ) -> FieldValue {
    inputs.withUnsafeBufferPointer { slots in
      let inputs = DerivationInputs(
        record: record, slots: UnsafeBufferPointer(rebasing: slots[plan.inputs]))
      return derivedValue(derivation, inputs, now)
    }
  }

  private func derivedValue(_ derivation: Derivation, _ inputs: DerivationInputs, _ now: UInt64)
    -> FieldValue
  {
    switch derivation {
    case .userName: userName(inputs[0], in: host)
    case .wallClock: wallClock(inputs[0], in: host)
    case .ageSeconds: ageSeconds(inputs[0], now: now)
    case .userTime: processorTime(CPUTime(inputs), \.user)
    case .systemTime: processorTime(CPUTime(inputs), \.system)
    case .cpuPercent: cpuPercent(CPUTime(inputs), started: inputs[5], now: now)
    case .reversedPath: reversedPath(inputs[0], scratch: scratch)
    case .terminalName: terminalName(inputs[0], scratch: scratch)
    case .jiffiesMilliseconds: jiffiesMilliseconds(inputs[0], finTimeout: inputs[1], in: host)
    case .mapKey: mapText(inputs, in: host) { $0.key($1) }
    case .mapValue: mapText(inputs, in: host) { $0.value($1) }
    case .containerID: latest.containerID.of(inputs[0], containerID)
    case .containerRuntime: latest.runtime.of(inputs[0], containerRuntime)
    case .podUID: latest.podUID.of(inputs[0]) { podUID($0, scratch: scratch) }
    case .systemdUnit: latest.unit.of(inputs[0], systemdUnit)
    case .firstFrame: firstFrame(inputs[0])
    case .foldedStack: foldedStack(inputs[0], inputs[1], scratch: scratch)
    }
  }
}
