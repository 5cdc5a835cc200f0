/// What was told of the latest row's cgroup, each made when it is first asked for.
final class LatestCgroup {
  private(set) lazy var containerID = RepeatedValue()
  private(set) lazy var runtime = RepeatedValue()
  private(set) lazy var podUID = RepeatedValue()
  private(set) lazy var unit = RepeatedValue()
}

/// What was derived from a text, kept for the rows that follow: most are of the same cgroup, and its
/// names are looked at but once.
final class RepeatedValue {
  private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 10, alignment: 1)
  private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 1)
  /// Bytes of the input; negative before there is one.
  private var count = -1
  private var value = FieldValue.absent

  deinit {
    input.deallocate()
    output.deallocate()
  }

  /// What `derive` gives, or gave for the same bytes.
  func of(_ text: FieldValue, _ derive: (FieldValue) -> FieldValue) -> FieldValue {
    guard case .bytes(let bytes) = text, bytes.count <= input.count else { return derive(text) }
    if bytes.count == count, isInput(bytes) { return value }
    let derived = derive(text)
    count = -1
    switch derived {
    case .bytes(let result) where result.count <= output.count:
      output.copyMemory(from: result)
      value = .bytes(UnsafeRawBufferPointer(rebasing: output[..<result.count]))
    case .absent: value = .absent
    default: return derived
    }
    input.copyMemory(from: bytes)
    count = bytes.count
    return value
  }

  /// Are these bytes, as many, those of the input? Eight at a time: it is asked for each row.
  private func isInput(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var at = 0
    while at + 8 <= count {
      // SAFETY: both have eight bytes there.
      let words = (
        bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self),
        input.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      )
      if words.0 != words.1 { return false }
      at += 8
    }
    return (at..<count).allSatisfy { bytes[$0] == input[$0] }
  }
}
