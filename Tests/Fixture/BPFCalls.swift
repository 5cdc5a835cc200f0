import Glibc

/// A structure that the kernel reads, as bytes: numbers at their offsets.
struct Attributes {
  private(set) var bytes: [UInt8]

  init(size: Int = 128) { bytes = [UInt8](repeating: 0, count: size) }

  /// Stores a number of 4 bytes.
  func with(_ value: Int, at offset: Int) -> Attributes { storing(value, 4, offset) }

  /// Stores a number of 8 bytes.
  func with(wide value: Int, at offset: Int) -> Attributes { storing(value, 8, offset) }

  /// Stores a name.
  func with(_ name: String, at offset: Int) -> Attributes {
    var copy = self
    copy.bytes.replaceSubrange(offset..<(offset + name.utf8.count), with: name.utf8)
    return copy
  }

  private func storing(_ value: Int, _ size: Int, _ offset: Int) -> Attributes {
    var copy = self
    for index in 0..<size {
      copy.bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
    }
    return copy
  }
}

/// bpf(2), as far as states need it; the offsets are those of `union bpf_attr`.
enum BPF {
  #if arch(x86_64)
    private static let number = 321
  #else
    private static let number = 280
  #endif

  /// Calls bpf(2), and answers a descriptor or 0.
  @discardableResult
  static func call(_ command: Command, _ attributes: Attributes) throws(SystemError) -> Int32 {
    // SAFETY: the kernel is told the size of the bytes, and copies them.
    let result = attributes.bytes.withUnsafeBytes {
      linuxCall(number, command.rawValue, Int(bitPattern: $0.baseAddress), $0.count, 0, 0)
    }
    return Int32(try check("bpf(\(command))", result))
  }

  enum Command: Int {
    case mapCreate = 0
    case updateElement = 2
    case loadProgram = 5
    case openRawTracepoint = 17
    case loadTypes = 18
    case createLink = 28
  }

  /// Loads a program that only returns a number.
  static func program(
    _ name: String, type: Int, attachType: Int = 0, function: Int = 0, returning result: Int = 0
  ) throws(SystemError) -> Int32 {
    let code = Attributes(size: 16).with(0xb7, at: 0).with(result, at: 4).with(0x95, at: 8)
    return try withPointer(code.bytes) { (code) throws(SystemError) in
      try withPointer(Array("GPL\0".utf8)) { (license) throws(SystemError) in
        try call(
          .loadProgram,
          Attributes().with(type, at: 0).with(2, at: 4).with(wide: code, at: 8)
            .with(wide: license, at: 16).with(name, at: 48).with(attachType, at: 68)
            .with(function, at: 108))
      }
    }
  }

  /// Makes a map.
  static func map(
    _ name: String, type: Int, keySize: Int = 4, valueSize: Int = 4, entries: Int = 8
  ) throws(SystemError) -> Int32 {
    try call(
      .mapCreate,
      Attributes().with(type, at: 0).with(keySize, at: 4).with(valueSize, at: 8)
        .with(entries, at: 12).with(name, at: 28))
  }

  /// Makes a map that stores an `int` with sockets: the kernel wants to be told types.
  static func storageOfSockets(_ name: String) throws(SystemError) -> Int32 {
    let loaded = try anyTypes()
    // BPF_MAP_TYPE_SK_STORAGE with BPF_F_NO_PREALLOC
    return try call(
      .mapCreate,
      Attributes().with(24, at: 0).with(4, at: 4).with(4, at: 8).with(1, at: 16).with(name, at: 28)
        .with(Int(loaded), at: 48).with(1, at: 52).with(1, at: 56))
  }

  /// Types of a program's own, which has but an `int`.
  static func anyTypes() throws(SystemError) -> Int32 {
    // struct btf_header, one BTF_KIND_INT of 32 bits with a sign, and the names.
    let types = Attributes(size: 45).with(0x1_eb9f, at: 0).with(24, at: 4).with(16, at: 12)
      .with(16, at: 16).with(5, at: 20).with(1, at: 24).with(1 << 24, at: 28).with(4, at: 32)
      .with(1 << 24 | 32, at: 36).with("int", at: 41)
    return try withPointer(types.bytes) { (address) throws(SystemError) in
      try call(.loadTypes, Attributes().with(wide: address, at: 0).with(types.bytes.count, at: 16))
    }
  }

  /// Stores an element.
  static func update(_ map: Int32, key: [UInt8], value: Attributes) throws(SystemError) {
    try withPointer(key) { (key) throws(SystemError) in
      try withPointer(value.bytes) { (value) throws(SystemError) in
        _ = try call(
          .updateElement,
          Attributes().with(Int(map), at: 0).with(wide: key, at: 8).with(wide: value, at: 16))
      }
    }
  }

  /// Calls `body` with the address of bytes.
  static func withPointer<Result>(
    _ bytes: [UInt8], _ body: (Int) throws(SystemError) -> Result
  ) throws(SystemError) -> Result {
    // SAFETY: the address is used only inside of the call.
    let result = bytes.withUnsafeBytes { buffer in
      Swift.Result { () throws(SystemError) in try body(Int(bitPattern: buffer.baseAddress)) }
    }
    return try result.get()
  }

  /// What /proc/self/fdinfo says under a name, such as `link_id`.
  static func info(_ name: String, of descriptor: Int32) throws(SystemError) -> Int {
    let file = try openFile("/proc/self/fdinfo/\(descriptor)")
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    // SAFETY: read is given the size of the buffer.
    let count = try check("read fdinfo", read(file, &bytes, bytes.count))
    let lines = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n")
    let line = lines.first { $0.hasPrefix("\(name):") }
    let number = line?.split(whereSeparator: { $0 == ":" || $0 == "\t" || $0 == " " }).last
    return number.flatMap { Int($0) } ?? 0
  }
}
