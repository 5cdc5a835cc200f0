/// The names of a cgroup and of those above it, as programs write them: leaf first, each with a
/// slash behind it ("docker-0123.scope/system.slice/").
struct CgroupNames {
  private let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The cgroup itself; nil for the root.
  var leaf: CgroupName? { named(at: 0) }

  /// The cgroup above; nil for the root's children.
  func parent(of name: CgroupName) -> CgroupName? { named(at: name.end + 1) }

  private func named(at start: Int) -> CgroupName? {
    guard start < bytes.count else { return nil }
    let end = bytes[start...].firstIndex(of: UInt8(ascii: "/")) ?? bytes.count
    return CgroupName(bytes: bytes, start: start, end: end)
  }
}

/// A name, or a part of one.
struct CgroupName {
  fileprivate let bytes: UnsafeRawBufferPointer
  fileprivate let start: Int
  fileprivate let end: Int

  /// The text; it lies in the record.
  var text: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[start..<end]) }
  /// Is it 64 hexadecimal digits, which is how runtimes number their containers?
  var isHash: Bool { end - start == 64 && text.allSatisfy(isHexadecimal) }
  /// Is it a pod's number: a UUID, or the hash that stands for one in a pod that a file describes?
  var isPodUID: Bool {
    if end - start == 32 { return text.allSatisfy(isHexadecimal) }
    return end - start == 36
      && text.enumerated().allSatisfy { index, byte in
        [8, 13, 18, 23].contains(index) ? isSeparator(byte) : isHexadecimal(byte)
      }
  }

  func hasPrefix(_ prefix: StaticString) -> Bool { text.starts(with: bytesOf(prefix)) }

  func hasSuffix(_ suffix: StaticString) -> Bool {
    text.suffix(suffix.utf8CodeUnitCount).elementsEqual(bytesOf(suffix))
  }

  /// What is behind the prefix; nil if it begins otherwise.
  func without(prefix: StaticString) -> CgroupName? {
    hasPrefix(prefix) ? part(start + prefix.utf8CodeUnitCount, end) : nil
  }

  /// What is before the suffix; nil if it ends otherwise.
  func without(suffix: StaticString) -> CgroupName? {
    hasSuffix(suffix) ? part(start, end - suffix.utf8CodeUnitCount) : nil
  }

  /// What is before and behind the last of a character; nil if it has none.
  func split(atLast character: Unicode.Scalar) -> (before: CgroupName, behind: CgroupName)? {
    guard let index = bytes[start..<end].lastIndex(of: UInt8(ascii: character)) else { return nil }
    return (part(start, index), part(index + 1, end))
  }

  private func part(_ start: Int, _ end: Int) -> CgroupName {
    CgroupName(bytes: bytes, start: start, end: end)
  }
}

func == (name: CgroupName?, text: StaticString) -> Bool {
  name.map { $0.end - $0.start == text.utf8CodeUnitCount && $0.hasPrefix(text) } ?? false
}

private func bytesOf(_ text: StaticString) -> UnsafeBufferPointer<UInt8> {
  UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
}

private func isHexadecimal(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
}

/// systemd's names have underscores where dashes would mean something to it.
private func isSeparator(_ byte: UInt8) -> Bool {
  byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
}
