import CZlib

/// What a snapshot file consists of, behind its first line:
/// `{ u8 kind[4]; u32 stored; u32 size; u32 check; }` and `stored` bytes, which zlib inflates to
/// `size`. Numbers are little-endian; the check is a CRC-32 of the header before it and the bytes.
///
/// Blocks are small, and each is deflated by itself: whoever reads one needs room for one, knows
/// how much before, and has checked it before anything is made of it.
package struct SnapshotBlock {
  /// What a block holds.
  package enum Kind: String, CaseIterable {
    /// Facts of the host; the first block.
    case host
    /// A table begins: its name, a NUL, its schema as JSON.
    case table = "tabl"
    /// Preambles and whole records of the last table.
    case rows
    /// The end of the file; nothing more follows.
    case done
  }

  let kind: Kind
  /// Bytes that it takes in the file, behind its header.
  let stored: Int
  /// Bytes that it inflates to.
  let size: Int
  let check: UInt32

  /// The first line of every snapshot, which says how to read the rest.
  package static var firstLine: String { "kiter snapshot 1\n" }
  /// Bytes of a header.
  static var headerSize: Int { 16 }
  /// Most bytes that a block may inflate to.
  static var maximumSize: Int { 16 << 20 }
  /// Most bytes that it may take in the file: what zlib makes of bytes that it cannot deflate.
  static var maximumStored: Int { Int(compressBound(UInt(maximumSize))) }

  /// Reads a header of `headerSize` bytes; nil if no block begins so.
  init?(_ header: UnsafeRawBufferPointer) {
    guard let kind = Kind(rawValue: String(decoding: header[..<4], as: UTF8.self)) else {
      return nil
    }
    func number(_ offset: Int) -> UInt32 {
      // SAFETY: four numbers of four bytes are there.
      UInt32(littleEndian: header.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    self.kind = kind
    stored = Int(number(4))
    size = Int(number(8))
    check = number(12)
    guard stored <= Self.maximumStored, size <= Self.maximumSize else { return nil }
  }

  /// Is the check that of this header and these bytes?
  func matches(_ header: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer) -> Bool {
    check == Self.check(UnsafeRawBufferPointer(rebasing: header[..<12]), bytes)
  }

  /// Inflates a block's bytes.
  ///
  /// - Returns: nil if they do not inflate to exactly the size that the header says.
  func inflated(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
    var isGood = false
    let content = [UInt8](unsafeUninitializedCapacity: size) { content, count in
      var length = UInt(size)
      // SAFETY: zlib writes at most `length` bytes, of a buffer that has as many.
      let code = uncompress(
        content.baseAddress, &length, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
        UInt(bytes.count))
      isGood = code == Z_OK && length == UInt(size)
      count = isGood ? size : 0
    }
    return isGood ? content : nil
  }

  /// A whole block.
  package static func encoded(_ kind: Kind, _ content: UnsafeRawBufferPointer) -> [UInt8] {
    var length = compressBound(UInt(content.count))
    let deflated = [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
      // The fastest level: records are mostly zeros and repeated texts.
      // SAFETY: zlib writes at most `length` bytes, of a buffer that has as many.
      compress2(
        buffer.baseAddress, &length, content.baseAddress?.assumingMemoryBound(to: UInt8.self),
        UInt(content.count), Z_BEST_SPEED)
      count = Int(length)
    }
    var block = Array(kind.rawValue.utf8)
    for number in [UInt32(deflated.count), UInt32(content.count)] { block.append(number) }
    let sum = block.withUnsafeBytes { header in deflated.withUnsafeBytes { check(header, $0) } }
    block.append(sum)
    return block + deflated
  }

  private static func check(_ header: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer)
    -> UInt32
  {
    var sum: UInt = 0
    for part in [header, bytes] where !part.isEmpty {
      // SAFETY: base address and count describe one readable buffer.
      sum = crc32_z(sum, part.baseAddress?.assumingMemoryBound(to: UInt8.self), part.count)
    }
    return UInt32(truncatingIfNeeded: sum)
  }
}

extension [UInt8] {
  /// Appends a number as it lies in a snapshot.
  mutating func append(_ number: UInt32) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }
}
