/// What a stream says of itself before its first record (`struct kiter_preamble`).
public struct Preamble: Sendable, Equatable {
  /// "KTR1" as the bytes lie in the stream.
  public static let magic: UInt32 = 0x3152_544b
  /// The value in place of a record's program number.
  @inlinable public static var programNumber: UInt16 { 0xffff }
  /// Bytes before the masks.
  public static let fixedSize = 40

  /// Hash of the layout that the program was built with.
  public var layoutHash: UInt64
  /// CLOCK_BOOTTIME when the stream was opened, in nanoseconds.
  public var bootTime: UInt64
  /// The schema's name, cut to 15 bytes.
  public var table: String
  /// A bit for each stored field that was asked for.
  public var wanted: [UInt64]
  /// A bit for each stored field that this kernel does not have.
  public var lacking: [UInt64]

  /// Creates a preamble; the parameters are the properties.
  public init(
    layoutHash: UInt64, bootTime: UInt64, table: String, wanted: [UInt64], lacking: [UInt64]
  ) {
    self.layoutHash = layoutHash
    self.bootTime = bootTime
    self.table = table
    self.wanted = wanted
    self.lacking = lacking
  }

  /// A preamble of records that no program wrote, with all fields of a schema.
  public init(ofAll layout: RecordLayout, in schema: Schema, bootTime: UInt64 = 0) {
    self.init(
      layoutHash: layout.hash, bootTime: bootTime, table: schema.name,
      wanted: Array(repeating: .max, count: layout.words),
      lacking: Array(repeating: 0, count: layout.words))
  }

  /// Reads a preamble that fills `bytes`; nil if it is none.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= Self.fixedSize, (bytes.count - Self.fixedSize) % 16 == 0 else {
      return nil
    }
    // SAFETY: the fixed part and whole pairs of masks are there, as just checked.
    guard bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self) == Self.magic else { return nil }
    // SAFETY: as above.
    layoutHash = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    // SAFETY: as above.
    bootTime = bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
    let name = UnsafeRawBufferPointer(rebasing: bytes[24..<40])
    table = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    let words = (bytes.count - Self.fixedSize) / 16
    let masks = (0..<2 * words).map {
      // SAFETY: 2 * words masks of 8 bytes follow the fixed part.
      bytes.loadUnaligned(fromByteOffset: Self.fixedSize + 8 * $0, as: UInt64.self)
    }
    wanted = Array(masks[..<words])
    lacking = Array(masks[words...])
  }

  /// The bytes that a stream begins with.
  public var encoded: [UInt8] {
    var bytes: [UInt8] = []
    func append<Number: FixedWidthInteger>(_ number: Number) {
      withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }
    append(UInt16(Self.fixedSize + 8 * (wanted.count + lacking.count)))
    append(Self.programNumber)
    append(Self.magic)
    append(layoutHash)
    append(bootTime)
    let name = table.utf8.prefix(15)
    bytes += name
    bytes += repeatElement(0, count: 16 - name.count)
    for mask in wanted + lacking { append(mask) }
    return bytes
  }

  /// Reads the preamble that a stream begins with; nil if it begins otherwise.
  public init?(startOf stream: UnsafeRawBufferPointer) {
    guard stream.count >= Self.fixedSize else { return nil }
    // SAFETY: the fixed part is there, as just checked.
    let size = Int(stream.loadUnaligned(as: UInt16.self))
    // SAFETY: as above.
    let program = stream.loadUnaligned(fromByteOffset: 2, as: UInt16.self)
    guard program == Self.programNumber, size <= stream.count else { return nil }
    self.init(UnsafeRawBufferPointer(rebasing: stream[..<size]))
  }

  /// Was the field with this bit asked for?
  public func wants(_ bit: Int) -> Bool { Self.contains(wanted, bit) }

  /// Does this kernel lack the field with this bit?
  public func lacks(_ bit: Int) -> Bool { Self.contains(lacking, bit) }

  private static func contains(_ mask: [UInt64], _ bit: Int) -> Bool {
    bit / 64 < mask.count && mask[bit / 64] >> UInt64(bit % 64) & 1 == 1
  }
}
