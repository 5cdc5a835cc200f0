import Glibc

/// Reads and parses /proc/PID/status of every process: one buffer for all of them, no text made
/// but for the name.
struct ProcStatus: ~Copyable {
  private let proc = open("/proc", O_RDONLY | O_DIRECTORY)
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)

  deinit {
    close(proc)
    buffer.deallocate()
  }

  mutating func seen() -> Seen {
    var seen = Seen()
    guard let folder = opendir("/proc") else { return seen }
    while let entry = readdir(folder) {
      withUnsafeBytes(of: entry.pointee.d_name) { name in
        guard let first = name.first, (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(first)
        else { return }
        let digits = UnsafeRawBufferPointer(rebasing: name.prefix { $0 != 0 })
        if let text = read(digits) { add(text, UInt32(number(digits)), to: &seen) }
      }
    }
    closedir(folder)
    return seen
  }

  private func read(_ digits: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: digits.count + 8) { path in
      for (index, digit) in digits.enumerated() { path[index] = CChar(bitPattern: digit) }
      for (index, byte) in "/status".utf8.enumerated() {
        path[digits.count + index] = CChar(bitPattern: byte)
      }
      path[digits.count + 7] = 0
      guard let start = path.baseAddress else { return nil }
      // SAFETY: the path ends with 0.
      let file = openat(proc, start, O_RDONLY | O_CLOEXEC)
      guard file >= 0 else { return nil }
      defer { close(file) }
      // SAFETY: address and count are one buffer.
      let count = Glibc.read(file, buffer.baseAddress, buffer.count)
      return count > 0 ? UnsafeRawBufferPointer(rebasing: buffer[..<count]) : nil
    }
  }

  private func add(_ text: UnsafeRawBufferPointer, _ pid: UInt32, to seen: inout Seen) {
    var name = ""
    var (parent, user): (UInt32, UInt32) = (0, 0)
    var start = 0
    while start < text.count, let base = text.baseAddress {
      // SAFETY: the search stays inside of the text.
      let found = memchr(base + start, 10, text.count - start)
      let end = found.map { UnsafeRawPointer($0) - base } ?? text.count
      let line = UnsafeRawBufferPointer(rebasing: text[start..<end])
      if line.starts(with: "Name:\t".utf8) {
        name = String(decoding: line[6...], as: UTF8.self)
      } else if line.starts(with: "PPid:\t".utf8) {
        parent = UInt32(number(UnsafeRawBufferPointer(rebasing: line[6...])))
      } else if line.starts(with: "Uid:\t".utf8) {
        user = UInt32(number(UnsafeRawBufferPointer(rebasing: line[5...])))
      } else if line.starts(with: "Gid:\t".utf8) {
        let group = UInt32(number(UnsafeRawBufferPointer(rebasing: line[5...])))
        seen.add(pid, parent, user, group, name)
        return
      }
      start = end + 1
    }
  }
}

/// The decimal number that a text begins with.
private func number(_ text: UnsafeRawBufferPointer) -> Int {
  var number = 0
  for byte in text {
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { break }
    number = number * 10 + Int(byte - UInt8(ascii: "0"))
  }
  return number
}
