/// Gives the values of columns: stored ones as they are, derived ones computed.
///
/// Keeps what derivations need (user names, symbols, scratch), each filled when first used.
public struct RecordEvaluator: ~Copyable {
  private let host: HostFacts
  private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 << 10, alignment: 1)

  /// Creates an evaluator that takes the host's facts from `host`.
  public init(host: HostFacts) { self.host = host }

  deinit { scratch.deallocate() }

  /// The column's value in `record`, which a stream with `preamble` brought.
  ///
  /// Bytes of a derived value are valid until the next derived value.
  @inline(__always)
  public func value(_ column: Projection.Column, of record: RawRecord, in preamble: Preamble)
    -> FieldValue
  {
    if let slot = column.slot { return record.value(slot) }
    return derivedValue(column, of: record, in: preamble)
  }

  /// Was a stored value, or the first input of a derived one, cut?
  public func isCut(_ column: Projection.Column, of record: RawRecord) -> Bool {
    guard let slot = column.slot ?? column.inputs.first else { return false }
    return record.isCut(slot)
  }

  @inline(never)
  private func derivedValue(
    _ column: Projection.Column, of record: RawRecord, in preamble: Preamble
  ) -> FieldValue {
    guard let derivation = column.field.derivation else { return .absent }
    let inputs = column.inputs
    switch derivation {
    case .userName:
      return userName(record.value(inputs[0]), in: host)
    case .wallClock:
      return wallClock(record.value(inputs[0]), in: host)
    case .ageSeconds:
      return ageSeconds(record.value(inputs[0]), now: preamble.bootTime)
    case .userTime:
      return processorTime(CPUTime(record, inputs), \.user)
    case .systemTime:
      return processorTime(CPUTime(record, inputs), \.system)
    case .cpuPercent:
      return cpuPercent(
        CPUTime(record, inputs), started: record.value(inputs[5]), now: preamble.bootTime)
    case .reversedPath:
      return reversedPath(record.value(inputs[0]), scratch: scratch)
    case .terminalName:
      return terminalName(record.value(inputs[0]), scratch: scratch)
    case .waitSymbol:
      return waitSymbol(record.value(inputs[0]), in: host)
    case .jiffiesMilliseconds:
      return jiffiesMilliseconds(
        record.value(inputs[0]), finTimeout: record.value(inputs[1]), in: host)
    }
  }
}
