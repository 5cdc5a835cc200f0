import Glibc

/// What a program wants to know of a process; the names are those of the table.
struct ProcessFacts {
  var pid: UInt32 = 0
  var ppid: UInt32 = 0
  var uid: UInt32 = 0
  var gid: UInt32 = 0
  var comm = ""
}

/// Reads the processes from procfs as fast as can be: three system calls and one pass over the bytes
/// for each process, one buffer for all, nothing allocated but the records.
struct ProcStatus {
  private let directory: Int32
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 16)
  private let entries = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)

  init() throws {
    directory = try check("open /proc", open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
  }

  /// Frees the buffers.
  func close() {
    Glibc.close(directory)
    buffer.deallocate()
    entries.deallocate()
  }

  /// All processes that lived when their turn came.
  func snapshot() -> [ProcessFacts] {
    var result: [ProcessFacts] = []
    lseek(directory, 0, SEEK_SET)
    // SAFETY: getdents64 fills the buffer with whole entries, whose lengths they hold themselves.
    while let base = entries.baseAddress,
      case let size = linuxDirectoryEntries(directory, base, entries.count), size > 0
    {
      var offset = 0
      while offset < size {
        let name = base + offset + 19
        let first = name.load(as: UInt8.self)
        if first >= 0x31, first <= 0x39, let facts = read(name) { result.append(facts) }
        offset += Int((base + offset + 16).loadUnaligned(as: UInt16.self))
      }
    }
    return result
  }

  /// Reads `NAME/status`; nil if the process has gone.
  private func read(_ name: UnsafeMutableRawPointer) -> ProcessFacts? {
    guard let base = buffer.baseAddress else { return nil }
    // SAFETY: a process's name has at most ten digits and a NUL, and the suffix eight bytes.
    let length = strlen(name.assumingMemoryBound(to: CChar.self))
    memcpy(base, name, length)
    memcpy(base + length, "/status", 8)
    let path = base.assumingMemoryBound(to: CChar.self)
    let file = linuxOpenAt(directory, path, O_RDONLY | O_CLOEXEC, 0)
    guard file >= 0 else { return nil }
    let count = Glibc.read(file, base, buffer.count)
    Glibc.close(file)
    return count > 0 ? Self.parse(UnsafeRawBufferPointer(rebasing: buffer[..<count])) : nil
  }

  /// Reads the lines Name, Pid, PPid, Uid and Gid; Gid is the last of them.
  static func parse(_ text: UnsafeRawBufferPointer) -> ProcessFacts {
    var facts = ProcessFacts()
    var start = 0
    while start < text.count, let end = endOfLine(text, start) {
      let line = UnsafeRawBufferPointer(rebasing: text[start..<end])
      if line.starts(with: "Name:\t".utf8) {
        facts.comm = String(decoding: line.dropFirst(6), as: UTF8.self)
      } else if line.starts(with: "Pid:\t".utf8) {
        facts.pid = number(line, 5)
      } else if line.starts(with: "PPid:\t".utf8) {
        facts.ppid = number(line, 6)
      } else if line.starts(with: "Uid:\t".utf8) {
        facts.uid = number(line, 5)
      } else if line.starts(with: "Gid:\t".utf8) {
        facts.gid = number(line, 5)
        break
      }
      start = end + 1
    }
    return facts
  }

  private static func endOfLine(_ text: UnsafeRawBufferPointer, _ start: Int) -> Int? {
    guard let base = text.baseAddress else { return nil }
    // SAFETY: memchr looks at no more bytes than there are.
    return memchr(base + start, 0x0a, text.count - start).map {
      $0 - UnsafeMutableRawPointer(mutating: base)
    }
  }

  /// The first decimal number from `start` on.
  private static func number(_ line: UnsafeRawBufferPointer, _ start: Int) -> UInt32 {
    var value: UInt32 = 0
    for digit in line[start...] {
      guard digit >= 0x30, digit <= 0x39 else { break }
      value = value &* 10 &+ UInt32(digit - 0x30)
    }
    return value
  }
}
