/// The bytes of `struct kiter_config`: what a program is told at load.
public struct ProgramConstants: Sendable {
  /// Scratch slots: 1 for one reader, more for a pin with many.
  public var slots: UInt32 = 1
  /// Binary logarithm of the page size.
  public var pageShift: UInt32
  /// Number of possible processors.
  public var processors: UInt32
  /// Values of the schema's parameters; those not named are 0, files -1.
  public var parameters: [String: UInt32] = [:]
  /// What fields must be equal to; only those that are filters.
  public var matches: [String: FilterValue] = [:]

  /// Creates constants for a host.
  public init(pageShift: UInt32, processors: UInt32) {
    self.pageShift = pageShift
    self.processors = processors
  }

  /// The bytes, as the generated header lays them out.
  public func bytes(for projection: Projection) -> [UInt8] {
    var bytes: [UInt8] = []
    for mask in projection.wanted { append(mask, to: &bytes) }
    for value in [UInt32(projection.fixedSize), slots, pageShift, processors] {
      append(value, to: &bytes)
    }
    for parameter in projection.schema.parameters {
      let none: UInt32 = parameter.form == .file ? .max : 0
      append(parameters[parameter.name] ?? none, to: &bytes)
    }
    while bytes.count % 8 != 0 { bytes.append(0) }
    appendMatches(projection.schema.filters, to: &bytes)
    for bit in projection.schema.storedFields.indices {
      bytes.append(UInt8(truncatingIfNeeded: projection.wanted[bit / 64] >> UInt64(bit % 64) & 1))
    }
    while bytes.count % 8 != 0 { bytes.append(0) }
    return bytes
  }

  private func appendMatches(_ filters: [Field], to bytes: inout [UInt8]) {
    var matching: UInt64 = 0
    for (bit, field) in filters.enumerated() where matches[field.name] != nil {
      matching |= 1 << UInt64(bit)
    }
    append(matching, to: &bytes)
    for field in filters {
      switch (field.type, matches[field.name]) {
      case (.text?, .text(let text)?):
        append(UInt64(text.count), to: &bytes)
        bytes += text + repeatElement(0, count: FilterValue.textMax + 1 - text.count)
      case (.text?, _):
        bytes += repeatElement(0, count: 8 + FilterValue.textMax + 1)
      case (_, .number(let number)?): append(number, to: &bytes)
      default: append(UInt64(0), to: &bytes)
      }
    }
  }

  private func append<T: FixedWidthInteger>(_ value: T, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value) { bytes += $0 }
  }
}
