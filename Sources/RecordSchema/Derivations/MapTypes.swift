/// Shows keys and values of one BPF map by their types.
public protocol MapTypes: AnyObject {
  /// A key as JSON; nil if its type is not known, or it cannot be shown.
  ///
  /// The text is valid until the next call.
  func key(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer?
  /// A value, or a per-CPU map's values, as JSON.
  func value(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer?
}

/// A key or value by its type. One that was cut has no shape: the bytes are in another column.
func mapText(
  _ inputs: DerivationInputs, in host: HostFacts,
  _ text: (any MapTypes, UnsafeRawBufferPointer) -> UnsafeRawBufferPointer?
) -> FieldValue {
  let (bytes, map) = (inputs[0], inputs[1])
  guard case .bytes(let content) = bytes, let number = map.number else {
    return .missing(bytes, map)
  }
  guard !inputs.record.isCut(inputs.slots[0]), let number = UInt32(exactly: number),
    let text = host.types(ofMap: number).flatMap({ text($0, content) })
  else { return .absent }
  return .bytes(text)
}
