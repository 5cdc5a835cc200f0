public import RecordSchema

/// A table with a field of every shape, for tests that need records but no kernel.
public let testSchema = Schema(
  name: "things", version: 1, summary: "Things",
  programs: [.init(name: "things", target: "thing", since: "6.1")], scopes: [.pid],
  parameters: [
    .init(name: "old", form: .flag, summary: "only old ones"),
    .init(name: "path", form: .file, summary: "only this one"),
  ], key: ["pid"],
  names: [
    .init(name: "state", isFlags: false, values: [.init("on", 1, .good), .init("off", 2)]),
    .init(
      name: "modes", isFlags: true, numberMask: 3,
      values: [.init("read", 0), .init("write", 1), .init("sync", 0x30), .init("dsync", 0x10)]),
  ],
  fields: [
    field("pid", .u32, .pid, isDefault: true),
    field("nice", .s8, .integer),
    field("state", .u8, .enumeration, names: "state"),
    field("modes", .u16, .flags, names: "modes"),
    field("rss_bytes", .u64, .bytes, isDefault: true),
    field("where", .u64, .address),
    field("device", .u32, .device),
    field("mode", .u16, .mode),
    field("busy_ns", .u64, .nanoseconds),
    field("is_new", .bool, .boolean),
    field("address", .ip, .ip),
    field("name", .text, .text, isDefault: true, isFilter: true),
    field("arguments", .text, .arguments),
    field("groups", .u32List, .list),
    field("uid", .u32, .uid, isFilter: true),
    Field(
      name: "user", type: nil, kind: .text, summary: "user", source: "uid", oracle: "none: test",
      derivation: .userName, inputs: ["uid"]),
    field("started_ns", .u64, .bootTime, isHidden: true),
    Field(
      name: "started_at", type: nil, kind: .timestamp, summary: "start", source: "started_ns",
      oracle: "none: test", derivation: .wallClock, inputs: ["started_ns"]),
  ])

private func field(
  _ name: String, _ type: FieldType, _ kind: Kind, isDefault: Bool = false, isHidden: Bool = false,
  isFilter: Bool = false, names: String? = nil
) -> Field {
  Field(
    name: name, type: type, kind: kind, summary: name, source: "test", oracle: "none: test",
    isDefault: isDefault, isHidden: isHidden, isFilter: isFilter, names: names)
}

/// Writes the bytes that a program would.
public struct RecordBuilder {
  private let layout: RecordLayout
  private let slots: [String: RecordLayout.Slot]
  private var bytes: [UInt8]

  /// Begins a record without values.
  public init(_ schema: Schema = testSchema) {
    layout = RecordLayout(schema)
    slots = Dictionary(
      uniqueKeysWithValues: zip(schema.storedFields.map(\.name), layout.slots).map { ($0, $1) })
    bytes = Array(repeating: 0, count: layout.fixedSize)
  }

  /// Sets a number.
  public func number(_ name: String, _ value: UInt64) -> Self {
    setting(name, present: true, partial: false) { bytes, slot in
      for index in 0..<slot.type.size {
        bytes[slot.offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
      }
    }
  }

  /// Sets bytes of the tail: a text, or a list's numbers.
  public func tail(_ name: String, _ value: some Collection<UInt8>, isCut: Bool = false) -> Self {
    setting(name, present: true, partial: isCut) { bytes, slot in
      let words = [UInt16(bytes.count), UInt16(value.count)]
      for (index, word) in words.enumerated() {
        bytes[slot.offset + 2 * index] = UInt8(word & 0xff)
        bytes[slot.offset + 2 * index + 1] = UInt8(word >> 8)
      }
      bytes += value
    }
  }

  /// Sets an address.
  public func address(_ name: String, _ value: [UInt8]) -> Self {
    setting(name, present: true, partial: false) { bytes, slot in
      bytes[slot.offset] = value.count == 4 ? 4 : 6
      for (index, byte) in value.enumerated() { bytes[slot.offset + 4 + index] = byte }
    }
  }

  /// Says that a value could not be read.
  public func unreadable(_ name: String) -> Self {
    setting(name, present: false, partial: true) { _, _ in }
  }

  /// The finished record.
  public var record: [UInt8] {
    var bytes = bytes
    bytes[0] = UInt8(bytes.count & 0xff)
    bytes[1] = UInt8(bytes.count >> 8)
    return bytes
  }

  private func setting(
    _ name: String, present: Bool, partial: Bool,
    _ store: (inout [UInt8], RecordLayout.Slot) -> Void
  ) -> Self {
    guard let slot = slots[name] else { return self }
    var copy = self
    let bit = UInt8(1) << UInt8(slot.bit % 8)
    if present { copy.bytes[RecordLayout.headerSize + slot.bit / 8] |= bit }
    if partial { copy.bytes[layout.partialOffset + slot.bit / 8] |= bit }
    store(&copy.bytes, slot)
    return copy
  }
}

/// The bytes of a preamble.
public func preambleBytes(
  _ schema: Schema = testSchema, layoutHash: UInt64? = nil, lacking: UInt64 = 0
) -> [UInt8] {
  let layout = RecordLayout(schema)
  let size = UInt16(Preamble.fixedSize + 16 * layout.words)
  var bytes: [UInt8] = []
  func append<T: FixedWidthInteger>(_ value: T) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }
  append(size)
  append(Preamble.programNumber)
  append(Preamble.magic)
  append(layoutHash ?? layout.hash)
  append(UInt64(1_000_000_000_000))
  bytes +=
    Array(schema.name.utf8.prefix(15)) + Array(repeating: 0, count: 16 - schema.name.utf8.count)
  for _ in 0..<layout.words { append(UInt64.max) }
  for _ in 0..<layout.words { append(lacking) }
  return bytes
}

/// A stream that gives its bytes in pieces of a chosen size.
public struct BytesSource: RecordSource {
  /// Nothing fails here.
  public typealias Failure = Never
  private var rest: ArraySlice<UInt8>
  private let piece: Int

  /// Gives `bytes` in pieces of at most `piece`.
  public init(_ bytes: [UInt8], piece: Int = .max) {
    rest = bytes[...]
    self.piece = piece
  }

  /// Gives the next piece.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let part = rest.prefix(min(piece, buffer.count))
    buffer.copyBytes(from: part)
    rest = rest.dropFirst(part.count)
    return part.count
  }
}

/// Facts of a host that does not change.
public func testHost() -> HostFacts {
  HostFacts(
    wallClockOffset: 1_700_000_000_000_000_000, finTimeout: { 60 },
    users: { NameTable(passwd: Array("root:x:0:0::/:/bin/sh\nada:x:1000:1000::/:/bin/sh\n".utf8)) },
    identity: {
      HostIdentity(
        name: "box \"1\"", bootID: "6d2f2c1e-0000-4000-8000-000000000001",
        time: 1_700_000_000_123_456_789)
    })
}
