/// Shows keys and values of one BPF map by their types.
public protocol MapTypes: AnyObject {
  /// A key as JSON; nil if its type is not known, or it cannot be shown.
  ///
  /// The text is valid until the next call.
  func key(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer?
  /// A value, or a per-CPU map's values, as JSON.
  func value(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer?
}

/// A key or value by its type.
func mapText(
  _ inputs: DerivationInputs, in host: HostFacts,
  _ text: (any MapTypes, UnsafeRawBufferPointer) -> UnsafeRawBufferPointer?
) -> FieldValue {
  let (bytes, map) = (inputs[0], inputs[1])
  guard case .bytes(let content) = bytes, let number = map.number else {
    return .missing(bytes, map)
  }
  let types = UInt32(exactly: number).flatMap { host.types(ofMap: $0) }
  guard let types else { return .absent }
  // What was cut has no shape.
  guard !inputs.record.isCut(inputs.slots[0]) else { return .unreadable }
  return text(types, content).map { .bytes($0) } ?? .absent
}
