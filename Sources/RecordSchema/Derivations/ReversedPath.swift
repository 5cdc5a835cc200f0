/// A path whose names a program wrote leaf first ("c/b/a/"), root first ("/a/b/c").
///
/// An empty text is the root, "/".
func reversedPath(_ names: FieldValue, scratch: UnsafeMutableRawBufferPointer) -> FieldValue {
  guard case .bytes(let bytes) = names else { return .missing(names) }
  // A cut text becomes longer by the slash before its last name. No program writes one so long.
  guard bytes.count < scratch.count else { return .unreadable }
  guard let last = bytes.last else {
    scratch[0] = UInt8(ascii: "/")
    return .bytes(UnsafeRawBufferPointer(rebasing: scratch[..<1]))
  }
  // A text without its last slash was cut inside that name.
  var end = last == UInt8(ascii: "/") ? bytes.count - 1 : bytes.count
  var at = 0
  while end >= 0 {
    var start = end
    while start > 0, bytes[start - 1] != UInt8(ascii: "/") { start -= 1 }
    scratch[at] = UInt8(ascii: "/")
    at += 1
    for index in start..<end {
      scratch[at] = bytes[index]
      at += 1
    }
    end = start - 1
  }
  return .bytes(UnsafeRawBufferPointer(rebasing: scratch[..<at]))
}
