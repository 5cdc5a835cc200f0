extension ProgramImage {
  /// The image as bytes that `init(encoded:)` takes.
  package var encoded: [UInt8] {
    var writer = ImageWriter()
    writer.write(types)
    writer.write(UInt32(maps.count))
    for map in maps {
      writer.write(Array(map.name.utf8))
      for number in [map.type, map.keySize, map.valueSize, map.entries, map.flags] {
        writer.write(number)
      }
      writer.write(map.content)
    }
    writer.write(UInt32(programs.count))
    for program in programs {
      writer.write(Array(program.name.utf8))
      for number in [program.type, program.attachType, program.attachID, program.flags] {
        writer.write(number)
      }
      writer.write(program.instructions)
      writer.write(program.functions)
      writer.write(program.functionSize)
    }
    return writer.bytes
  }

  /// Decodes an image; nil unless all of it makes sense.
  package init?(encoded bytes: [UInt8]) {
    self.init()
    var reader = ImageReader(bytes)
    guard let types = reader.bytes(), let maps = reader.number() else { return nil }
    self.types = types
    for _ in 0..<maps {
      guard let map = reader.map() else { return nil }
      self.maps.append(map)
    }
    guard let programs = reader.number() else { return nil }
    for _ in 0..<programs {
      guard let program = reader.program() else { return nil }
      self.programs.append(program)
    }
    guard reader.isAtEnd else { return nil }
  }
}

private struct ImageWriter {
  private(set) var bytes: [UInt8] = []

  mutating func write(_ number: UInt32) {
    withUnsafeBytes(of: number) { bytes += $0 }
  }

  mutating func write(_ list: [UInt8]) {
    write(UInt32(list.count))
    bytes += list
  }
}

/// Takes apart what `ImageWriter` put together; nil at whatever is not so.
private struct ImageReader {
  private let source: [UInt8]
  private var at = 0

  init(_ source: [UInt8]) { self.source = source }

  var isAtEnd: Bool { at == source.count }

  mutating func number() -> UInt32? {
    guard source.count - at >= 4 else { return nil }
    defer { at += 4 }
    // SAFETY: the four bytes from `at` are inside.
    return source.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: UInt32.self) }
  }

  mutating func bytes() -> [UInt8]? {
    guard let count = number(), count <= source.count - at else { return nil }
    defer { at += Int(count) }
    return Array(source[at..<at + Int(count)])
  }

  mutating func text() -> String? {
    bytes().map { String(decoding: $0, as: UTF8.self) }
  }

  mutating func map() -> ProgramImage.Map? {
    guard let name = text(), let type = number(), let keySize = number(),
      let valueSize = number(), let entries = number(), let flags = number(),
      let content = bytes(), content.isEmpty || content.count == Int(valueSize)
    else { return nil }
    return ProgramImage.Map(
      name: name, type: type, keySize: keySize, valueSize: valueSize, entries: entries,
      flags: flags, content: content)
  }

  mutating func program() -> ProgramImage.Program? {
    guard let name = text(), let type = number(), let attachType = number(),
      let attachID = number(), let flags = number(), let instructions = bytes(),
      instructions.count % Instructions.size == 0, let functions = bytes(),
      let functionSize = number(), functionSize > 0, functions.count % Int(functionSize) == 0
    else { return nil }
    return ProgramImage.Program(
      name: name, type: type, attachType: attachType, attachID: attachID, flags: flags,
      instructions: instructions, functions: functions, functionSize: functionSize)
  }
}
