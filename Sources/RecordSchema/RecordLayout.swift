/// Where each stored field of a schema lies in a record. The generated C header asserts the same.
///
/// A record is `{ u16 size; u16 program; u32 order; u64 present[W]; u64 partial[W]; }`, the
/// fixed fields at their natural alignment, then the tail.
public struct RecordLayout: Sendable, Equatable {
  /// A stored field's place.
  @frozen public struct Slot: Sendable, Equatable, BitwiseCopyable {
    /// How it is stored.
    public let type: FieldType
    /// Its number among the stored fields: its bit in the masks.
    public let bit: Int
    /// Bytes from the record's start.
    public let offset: Int

    /// Creates a place; generated code does.
    @inlinable public init(type: FieldType, bit: Int, offset: Int) {
      self.type = type
      self.bit = bit
      self.offset = offset
    }

    /// The first byte behind it.
    @inlinable public var end: Int { offset + type.size }
  }

  /// Most fields that a schema may store: the masks of a preamble stay small.
  public static let maximumFields = 256
  /// Bytes before the masks.
  @inlinable public static var headerSize: Int { 8 }

  /// 64-bit words in each mask.
  public let words: Int
  /// The stored fields, in the order of their bits.
  public let slots: [Slot]
  /// Bytes of the whole fixed part.
  public let fixedSize: Int
  /// Tells one layout from another: FNV-1a over the schema's name and version, and
  /// name, type and offset of every stored field.
  public let hash: UInt64

  /// Computes the layout.
  ///
  /// A part of every start of kiter: fields are not copied, and no text is put together.
  public init(_ schema: Schema) {
    let stored = schema.fields.indices.filter { schema.fields[$0].type != nil }
    words = max(1, (stored.count + 63) / 64)
    var offset = Self.headerSize + 2 * 8 * words
    var slots: [Slot] = []
    slots.reserveCapacity(stored.count)
    var hash = FNV1a()
    hash.combine(schema.name)
    hash.combine(" ")
    hash.combine(String(schema.version))
    hash.combine(" ")
    for (bit, index) in stored.enumerated() {
      guard let type = schema.fields[index].type else { continue }
      offset = (offset + type.alignment - 1) & ~(type.alignment - 1)
      slots.append(Slot(type: type, bit: bit, offset: offset))
      hash.combine(schema.fields[index].name)
      hash.combine(":")
      hash.combine(type.rawValue)
      hash.combine("@")
      hash.combine(String(offset))
      hash.combine(";")
      offset += type.size
    }
    self.slots = slots
    fixedSize = (offset + 7) & ~7
    self.hash = hash.value
  }

  /// The place of a field of the schema that the layout was computed from; nil if it is not stored.
  func slot(_ name: String, of schema: Schema) -> Slot? {
    var bit = 0
    for index in schema.fields.indices where schema.fields[index].type != nil {
      if schema.fields[index].name == name { return slots[bit] }
      bit += 1
    }
    return nil
  }

  /// First byte of the partial mask.
  public var partialOffset: Int { Self.headerSize + 8 * words }
}

/// The 64-bit FNV-1a hash: small, stable, and good enough to tell layouts and programs apart.
package struct FNV1a {
  /// The hash of what has been combined so far.
  package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  /// The hash of nothing yet.
  package init() {}

  /// Adds bytes.
  package mutating func combine(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }

  mutating func combine(_ text: String) { combine(text.utf8) }
}
