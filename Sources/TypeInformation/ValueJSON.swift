/// Writes values as JSON, by their types.
///
/// Structures and unions are objects with their members' names (those of an anonymous member are its
/// parent's own), arrays are arrays, an array of `char` with a text in it is a string, enums are names,
/// pointers and numbers of 128 bits are hexadecimal strings. The result is ASCII.
public struct ValueJSON {
  /// More than this is no value that a map holds; arrays of nothing can be endless.
  private static var limit: Int { 4 << 20 }
  private static var deepest: Int { 32 }

  private let types: TypeTable
  private var text: [UInt8] = []

  private init(_ types: TypeTable) { self.types = types }

  /// The JSON of a value.
  ///
  /// - Returns: nil if the type is none, or its values are larger than the bytes.
  public static func text(_ bytes: UnsafeRawBufferPointer, type: Int, in types: TypeTable)
    -> [UInt8]?
  {
    guard let description = types.type(type) else { return nil }
    var writer = ValueJSON(types)
    return writer.append(bytes, description, depth: 0) ? writer.text : nil
  }

  /// False if the value cannot be shown.
  private mutating func append(_ bytes: UnsafeRawBufferPointer, _ type: TypeDescription, depth: Int)
    -> Bool
  {
    guard depth < Self.deepest, text.count < Self.limit, let size = type.size(),
      size <= bytes.count
    else { return false }
    let value = UnsafeRawBufferPointer(rebasing: bytes[..<size])
    switch type.kind {
    case .integer: return append(integer: value, type)
    case .pointer: append(hexadecimal: value)
    case .enumeration, .enumeration64: append(enumeration: value, type)
    case .float: return append(float: value)
    case .array: return append(array: value, type, depth: depth)
    case .structure, .union: return append(object: value, type, depth: depth)
    case .section: return append(section: value, type, depth: depth)
    default: return false
    }
    return true
  }

  // MARK: - Numbers

  private mutating func append(integer value: UnsafeRawBufferPointer, _ type: TypeDescription)
    -> Bool
  {
    // The word behind an integer: how it is encoded, where its bits begin, and how many they are.
    let (encoding, offset, bits) = (
      type.word(0) >> 24 & 15, type.word(0) >> 16 & 255, type.word(0) & 255
    )
    if bits == 128, value.count == 16, offset == 0 {
      append(hexadecimal: value)
      return true
    }
    guard let number = bitField(value, at: offset, bits) else { return false }
    append(number: number, bits, encoding: encoding)
    return true
  }

  private mutating func append(number: UInt64, _ bits: Int, encoding: Int) {
    let (isSigned, isBoolean) = (encoding & 1 != 0, encoding & 4 != 0)
    if isBoolean {
      append(number == 0 ? "false" : "true")
    } else if isSigned, bits < 64, number >> UInt64(bits - 1) != 0 {
      append("\(Int64(bitPattern: number | ~0 << UInt64(bits)))")
    } else {
      append(isSigned ? "\(Int64(bitPattern: number))" : "\(number)")
    }
  }

  /// Bits of a value, the lowest first; nil if they are not inside of it.
  private func bitField(_ bytes: UnsafeRawBufferPointer, at offset: Int, _ bits: Int) -> UInt64? {
    guard bits > 0, bits <= 64, offset >= 0, offset + bits <= bytes.count * 8 else { return nil }
    var result: UInt64 = 0
    for index in 0..<bits {
      let bit = offset + index
      result |= UInt64(bytes[bit / 8] >> UInt8(bit % 8) & 1) << UInt64(index)
    }
    return result
  }

  private mutating func append(
    enumeration value: UnsafeRawBufferPointer, _ type: TypeDescription, bits: UInt64? = nil
  ) {
    let width = min(value.count, 8) * 8
    guard let number = bits ?? bitField(value, at: 0, width) else { return append("null") }
    let mask: UInt64 = width == 64 ? ~0 : 1 << UInt64(width) - 1
    let words = type.kind == .enumeration ? 2 : 3
    for index in 0..<type.count {
      let at = index * words
      let high = words == 3 ? UInt64(type.word(at + 2)) << 32 : 0
      // A narrow enum's values are stored with a sign.
      guard (UInt64(type.word(at + 1)) | high) & mask == number & mask else { continue }
      return append(quoted: type.table.text(type.word(at)))
    }
    append(number: number, width, encoding: type.hasFlag ? 1 : 0)
  }

  private mutating func append(float value: UnsafeRawBufferPointer) -> Bool {
    let number: Double
    switch value.count {
    // SAFETY: as many bytes are there.
    case 4: number = Double(value.loadUnaligned(as: Float.self))
    // SAFETY: as above.
    case 8: number = value.loadUnaligned(as: Double.self)
    default: return false
    }
    append(number.isFinite ? "\(number)" : "null")
    return true
  }

  /// A number in hexadecimal, as a string: JavaScript rounds above 2^53.
  private mutating func append(hexadecimal value: UnsafeRawBufferPointer) {
    let digits = Array("0123456789abcdef".utf8)
    let significant = Array(value.reversed().drop { $0 == 0 })
    append("\"0x")
    for (index, byte) in significant.enumerated() {
      if index > 0 || byte > 15 { text.append(digits[Int(byte >> 4)]) }
      text.append(digits[Int(byte & 15)])
    }
    append(significant.isEmpty ? "0\"" : "\"")
  }

  // MARK: - What has parts

  private mutating func append(
    array value: UnsafeRawBufferPointer, _ type: TypeDescription, depth: Int
  ) -> Bool {
    guard let element = types.type(type.word(0)), let size = element.size(), size > 0 else {
      append("[]")
      return value.isEmpty
    }
    if size == 1, isCharacter(element), let content = printable(value) {
      append(quoted: content[...])
      return true
    }
    append("[")
    for index in 0..<type.word(2) {
      if index > 0 { append(",") }
      let part = UnsafeRawBufferPointer(rebasing: value[(index * size)..<((index + 1) * size)])
      guard append(part, element, depth: depth + 1) else { return false }
    }
    append("]")
    return true
  }

  private func isCharacter(_ type: TypeDescription) -> Bool {
    type.kind == .integer && type.name.elementsEqual("char".utf8)
  }

  /// A text with nothing but zeros behind it.
  private func printable(_ value: UnsafeRawBufferPointer) -> [UInt8]? {
    let content = value.prefix { $0 != 0 }
    guard content.allSatisfy({ (0x20..<0x7f).contains($0) }),
      value[content.endIndex...].allSatisfy({ $0 == 0 })
    else { return nil }
    return Array(content)
  }

  private mutating func append(
    object value: UnsafeRawBufferPointer, _ type: TypeDescription, depth: Int
  ) -> Bool {
    append("{")
    var isFirst = true
    guard append(members: value, type, depth: depth, &isFirst) else { return false }
    append("}")
    return true
  }

  private mutating func append(
    members value: UnsafeRawBufferPointer, _ type: TypeDescription, depth: Int,
    _ isFirst: inout Bool
  ) -> Bool {
    guard depth < Self.deepest else { return false }
    for index in 0..<type.count {
      let (name, place) = (types.text(type.word(3 * index)), type.word(3 * index + 2))
      // With the flag, the upper byte has the width of a bit-field.
      let (offset, bits) = type.hasFlag ? (place & 0xff_ffff, place >> 24) : (place, 0)
      guard let member = types.type(type.word(3 * index + 1)), offset / 8 <= value.count else {
        return false
      }
      let rest = UnsafeRawBufferPointer(rebasing: value[(offset / 8)...])
      if name.isEmpty {
        guard member.kind == .structure || member.kind == .union else { continue }
        guard append(members: rest, member, depth: depth + 1, &isFirst) else { return false }
        continue
      }
      append(key: name, &isFirst)
      if bits > 0 || offset % 8 != 0 {
        guard append(bits: value, at: offset, bits, member) else { return false }
      } else if !append(rest, member, depth: depth + 1) {
        return false
      }
    }
    return true
  }

  private mutating func append(
    bits value: UnsafeRawBufferPointer, at offset: Int, _ bits: Int, _ type: TypeDescription
  ) -> Bool {
    // Before the flag, an integer type of its own had the width.
    let width = bits > 0 ? bits : type.word(0) & 255
    guard let number = bitField(value, at: offset, width) else { return false }
    switch type.kind {
    case .integer: append(number: number, width, encoding: type.word(0) >> 24 & 15)
    case .enumeration, .enumeration64: append(enumeration: value, type, bits: number)
    default: return false
    }
    return true
  }

  /// The variables of a program, which share one value.
  private mutating func append(
    section value: UnsafeRawBufferPointer, _ type: TypeDescription, depth: Int
  ) -> Bool {
    append("{")
    var isFirst = true
    for index in 0..<type.count {
      let (number, offset) = (type.word(3 * index), type.word(3 * index + 1))
      guard let variable = types.plainType(number), let content = types.type(number),
        offset <= value.count
      else { return false }
      append(key: variable.name, &isFirst)
      let rest = UnsafeRawBufferPointer(rebasing: value[offset...])
      guard append(rest, content, depth: depth + 1) else { return false }
    }
    append("}")
    return true
  }

  // MARK: - Text

  private mutating func append(_ string: String) { text += string.utf8 }

  private mutating func append(key name: ArraySlice<UInt8>, _ isFirst: inout Bool) {
    if !isFirst { append(",") }
    isFirst = false
    append(quoted: name)
    append(":")
  }

  /// Names are ASCII; whatever is not, in hostile types, becomes a question mark.
  private mutating func append(quoted content: ArraySlice<UInt8>) {
    append("\"")
    for byte in content {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        text.append(UInt8(ascii: "\\"))
      }
      text.append((0x20..<0x7f).contains(byte) ? byte : UInt8(ascii: "?"))
    }
    append("\"")
  }
}
