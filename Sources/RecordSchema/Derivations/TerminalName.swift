/// The path of a terminal below /dev: the kernel calls /dev/pts/3 "pts3", and all others as they
/// are.
func terminalName(_ name: FieldValue, scratch: UnsafeMutableRawBufferPointer) -> FieldValue {
  guard case .bytes(let bytes) = name else { return .missing(name) }
  let isPseudo =
    bytes.count > 3 && bytes.count < 64
    && bytes.prefix(3).elementsEqual("pts".utf8)
    && bytes.dropFirst(3).allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
  guard isPseudo else { return name }
  for (index, byte) in "pts/".utf8.enumerated() { scratch[index] = byte }
  for (index, byte) in bytes.dropFirst(3).enumerated() { scratch[4 + index] = byte }
  return .bytes(UnsafeRawBufferPointer(rebasing: scratch[..<(bytes.count + 1)]))
}
