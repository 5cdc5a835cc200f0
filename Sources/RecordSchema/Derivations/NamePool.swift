/// Names in memory that never moves, so that values may point into it.
final class NamePool: @unchecked Sendable {
  // @unchecked: nothing changes the memory after init.
  private let memory: UnsafeMutableRawBufferPointer
  private let ends: [Int]

  init(_ names: [ArraySlice<UInt8>]) {
    memory = .allocate(byteCount: names.reduce(1) { $0 + $1.count }, alignment: 1)
    var ends: [Int] = []
    var end = 0
    for name in names {
      for byte in name {
        memory[end] = byte
        end += 1
      }
      ends.append(end)
    }
    self.ends = ends
  }

  deinit { memory.deallocate() }

  /// The bytes of a name, by its number; valid as long as the pool.
  func bytes(_ index: Int) -> UnsafeRawBufferPointer {
    let start = index == 0 ? 0 : ends[index - 1]
    return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[start..<ends[index]])
  }
}
