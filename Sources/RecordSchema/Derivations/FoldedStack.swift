/// The function of a stack's first frame: "do_wait+0x5f/0xf0;…" is "do_wait".
func firstFrame(_ stack: FieldValue) -> FieldValue {
  guard case .bytes(let bytes) = stack else { return .missing(stack) }
  let frame = bytes.prefix { $0 != separator }
  guard !frame.isEmpty else { return .absent }
  return .bytes(UnsafeRawBufferPointer(rebasing: function(frame)))
}

/// A thread's name and the functions of its stack, outermost first: "comm;entry;do_wait". Of a
/// stack that could not be read, "comm;[unknown]".
func foldedStack(
  _ stack: FieldValue, _ comm: FieldValue, scratch: UnsafeMutableRawBufferPointer
) -> FieldValue {
  guard case .bytes(let name) = comm else { return .missing(comm) }
  var end = 0
  func append(_ bytes: some Sequence<UInt8>) {
    for byte in bytes where end < scratch.count {
      scratch[end] = byte
      end += 1
    }
  }
  // What separates frames, or lines, in the file cannot be in a name.
  append(name.lazy.map { $0 == separator || $0 < 0x20 ? UInt8(ascii: "_") : $0 })
  switch stack {
  case .unreadable: append(";[unknown]".utf8)
  case .bytes(let bytes):
    var rest = bytes[...]
    while !rest.isEmpty {
      let start = rest.lastIndex(of: separator).map { $0 + 1 } ?? rest.startIndex
      append(CollectionOfOne(separator))
      append(function(rest[start...]))
      rest = rest[..<max(rest.startIndex, start - 1)]
    }
  default: return .absent
  }
  return .bytes(UnsafeRawBufferPointer(rebasing: scratch[..<end]))
}

private let separator = UInt8(ascii: ";")

private func function(_ frame: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
  frame.prefix { $0 != UInt8(ascii: "+") }
}
