/// Bytes on their way out, in one piece of memory: appending allocates only when it grows.
public struct ByteBuffer: ~Copyable {
  private var memory: UnsafeMutableRawBufferPointer
  /// Bytes appended and not yet removed.
  public private(set) var count = 0

  /// Creates a buffer with room for `capacity` bytes.
  public init(capacity: Int = 256 << 10) {
    memory = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { memory.deallocate() }

  /// What has been appended; valid until the next change.
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<count])
  }

  /// Makes room for `extra` bytes, so that `put` may follow that often.
  @inline(__always)
  mutating func reserve(_ extra: Int) {
    if memory.count - count < extra { grow(extra) }
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
  mutating func append(string text: String) {
    for byte in text.utf8 { append(byte) }
  }

  /// Appends `number` times the same byte.
  mutating func append(_ byte: UInt8, times number: Int) {
    guard number > 0 else { return }
    reserve(number)
    // SAFETY: `reserve` has seen to the room.
    skip(number).initializeMemory(as: UInt8.self, repeating: byte)
  }

  /// Forgets what was appended behind the first `length` bytes.
  @inline(__always)
  mutating func truncate(to length: Int) { count = length }

  /// Forgets everything.
  public mutating func removeAll() { count = 0 }
}
