/// A text as a line of a terminal: nothing in it speaks to the terminal, and it ends where that does.
public func terminalLine(_ text: String, width: Int) -> [UInt8] {
  var whole = ByteBuffer(capacity: 256)
  var text = text
  let used = text.withUTF8 { whole.append(terminal: UnsafeRawBufferPointer($0)) }
  guard used > width else { return Array(whole.bytes) }
  guard width > 0 else { return [] }
  var cut = ByteBuffer(capacity: 256)
  cut.append(whole.bytes, cutTo: width)
  return Array(cut.bytes)
}
