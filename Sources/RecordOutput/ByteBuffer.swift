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
  mutating func append(_ text: StaticString) {
    text.withUTF8Buffer { append(UnsafeRawBufferPointer($0)) }
  }

  /// Appends a string's UTF-8: for what is not on the way of every record.
  public mutating func append(_ text: String) {
    for byte in text.utf8 { append(byte) }
  }

  /// Appends `number` times the same byte.
  mutating func append(_ byte: UInt8, times number: Int) {
    guard number > 0 else { return }
    reserve(number)
    for _ in 0..<number { put(byte) }
  }

  /// Forgets everything.
  public mutating func removeAll() { count = 0 }
}
