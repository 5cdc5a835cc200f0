/// Bytes on their way out, in one piece of memory: appending allocates only when it grows.
public struct ByteBuffer: ~Copyable {
  private var memory: UnsafeMutableRawBufferPointer
  /// Bytes appended and not yet removed.
  public private(set) var count = 0

  /// Creates a buffer with room for `capacity` bytes.
  public init(capacity: Int = 256 << 10) {
    memory = .allocate(byteCount: capacity, alignment: 16)
  }

  /// Bytes behind the capacity, so that whole words can be read and written at the end.
  private static var slack: Int { 8 }

  deinit { memory.deallocate() }

  /// What has been appended; valid until the next change.
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<count])
  }

  /// Makes room for `extra` bytes, so that `put` may follow that often.
  @inline(__always)
  mutating func reserve(_ extra: Int) {
    if memory.count - count < extra + Self.slack { grow(extra + Self.slack) }
  }

  @inline(never)
  private mutating func grow(_ extra: Int) {
    let larger = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(2 * memory.count, count + extra), alignment: 16)
    larger.copyMemory(from: bytes)
    memory.deallocate()
    memory = larger
  }

  /// Appends a byte for which room has been reserved.
  @inline(__always)
  mutating func put(_ byte: UInt8) {
    // SAFETY: `reserve` has seen to the room, which debug builds check.
    memory.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  /// Appends eight bytes, first the lowest, of which `used` count; room for all has been reserved.
  @inline(__always)
  mutating func put(word: UInt64, used: Int = 8) {
    // SAFETY: as for a byte.
    memory.storeBytes(of: word.littleEndian, toByteOffset: count, as: UInt64.self)
    count += used
  }

  /// Leaves room for `number` bytes, which have been reserved and are stored from the end.
  @inline(__always)
  mutating func skip(_ number: Int) -> UnsafeMutableRawBufferPointer {
    count += number
    return UnsafeMutableRawBufferPointer(rebasing: memory[count - number..<count])
  }

  /// Appends a byte.
  @inline(__always)
  mutating func append(_ byte: UInt8) {
    reserve(1)
    put(byte)
  }

  /// Appends bytes as they are.
  @inline(__always)
  mutating func append(_ source: UnsafeRawBufferPointer) {
    reserve(source.count)
    // SAFETY: `reserve` has seen to the room; source and buffer are different memory.
    UnsafeMutableRawBufferPointer(rebasing: memory[count..<count + source.count])
      .copyMemory(from: source)
    count += source.count
  }

  /// Appends a literal.
  @inline(__always)
  mutating func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends a string's UTF-8: for what is not on the way of every record.
  ///
  /// It has a label because an unlabelled literal would be a String, and each append a slow one.
  public mutating func append(string text: String) {
    for byte in text.utf8 { append(byte) }
  }

  /// Appends a part of bytes that have eight more behind it: short parts take less than a call of
  /// memcpy.
  @inline(__always)
  mutating func append(padded source: UnsafeRawBufferPointer, from start: Int, _ number: Int) {
    reserve(number)
    var at = 0
    while at < number {
      // SAFETY: eight bytes are readable at each offset up to the part's end.
      let word = source.loadUnaligned(fromByteOffset: start + at, as: UInt64.self)
      put(word: UInt64(littleEndian: word), used: min(8, number - at))
      at += 8
    }
  }

  /// Appends a part of another buffer.
  @inline(__always)
  mutating func append(_ other: borrowing ByteBuffer, from start: Int, _ number: Int) {
    // The other buffer's slack is behind the part.
    append(padded: UnsafeRawBufferPointer(other.memory), from: start, number)
  }

  /// Appends spaces.
  @inline(__always)
  mutating func append(spaces number: Int) {
    guard number > 0 else { return }
    reserve(number)
    var left = number
    while left > 0 {
      put(word: 0x2020_2020_2020_2020, used: min(8, left))
      left -= 8
    }
  }

  /// Puts spaces before what begins at `start`.
  @inline(__always)
  mutating func insert(spaces number: Int, at start: Int) {
    reserve(number)
    let length = count - start
    // SAFETY: eight bytes are readable at each offset up to the end.
    let word = memory.loadUnaligned(fromByteOffset: start, as: UInt64.self)
    if length <= 8 {
      count = start
      append(spaces: number)
      put(word: UInt64(littleEndian: word), used: length)
      return
    }
    // SAFETY: `reserve` has seen to the room.
    let base = memory.baseAddress.unsafelyUnwrapped + start
    (base + number).copyMemory(from: base, byteCount: length)
    base.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: " "), count: number)
    count += number
  }

  /// The number stored at a place; it must have been stored.
  @inline(__always)
  func number(at place: Int) -> Int {
    // SAFETY: the caller has stored four bytes there.
    Int(memory.loadUnaligned(fromByteOffset: place, as: UInt32.self))
  }

  /// Stores a number in four bytes that have been appended.
  @inline(__always)
  mutating func store(_ number: Int, at place: Int) {
    // SAFETY: the caller has appended four bytes there.
    memory.storeBytes(of: UInt32(truncatingIfNeeded: number), toByteOffset: place, as: UInt32.self)
  }

  /// Forgets what was appended behind the first `length` bytes.
  @inline(__always)
  mutating func truncate(to length: Int) { count = length }

  /// Forgets everything.
  public mutating func removeAll() { count = 0 }
}
