import CLibbpf
import Glibc

/// Programs and maps that are in the kernel, by name.
struct KernelObjects: ~Copyable {
  /// They are few: making a dictionary's type costs more than looking through them.
  private var numbers: [(name: String, number: Int32)] = []

  deinit { for entry in numbers { close(entry.number) } }

  /// Takes over a descriptor.
  mutating func add(_ name: String, _ number: Int32) { numbers.append((name, number)) }

  /// The descriptor of a program or map; it stays this object's.
  subscript(name: String) -> Int32? { numbers.first { $0.name == name }?.number }
}

/// Loads an image into the kernel with nothing but bpf(2).
struct ImageLoader {
  let image: ProgramImage
  let settings: LoadSettings

  /// Every program here is under it (bpf/LICENSE); the kernel wants it for GPL-only helpers.
  private static let license = "Dual BSD/GPL"

  /// Loads maps and programs.
  ///
  /// - Throws: `SystemError`, also when the image does not fit the kernel after all.
  func load() throws(SystemError) -> KernelObjects {
    // SAFETY: base address and count describe one readable buffer.
    let loaded = image.types.withUnsafeBytes { kiter_types_load($0.baseAddress, UInt32($0.count)) }
    let types = Descriptor(try checked(loaded))
    var objects = KernelObjects()
    var maps: [Int32] = []
    for map in image.maps {
      guard entries(of: map) > 0 else {
        maps.append(-1)
        continue
      }
      let number = try create(map)
      objects.add(map.name, number)
      maps.append(number)
      try fill(map, number)
    }
    for program in image.programs {
      objects.add(program.name, try load(program, maps: maps, types: types))
    }
    return objects
  }

  private func create(_ map: ProgramImage.Map) throws(SystemError) -> Int32 {
    try checked(
      kiter_map_create(
        map.name, map.type, map.keySize, map.valueSize, entries(of: map), map.flags))
  }

  private func entries(of map: ProgramImage.Map) -> UInt32 {
    settings.entries(of: map.name) ?? map.entries
  }

  /// Sets what the map begins with; what programs may not write is made constant.
  private func fill(_ map: ProgramImage.Map, _ number: Int32) throws(SystemError) {
    let content = map.name == ProgramImage.constantsName ? settings.constants : map.content
    guard content.count == Int(map.valueSize) || content.isEmpty else {
      throw SystemError(code: EINVAL)
    }
    var key: UInt32 = 0
    // SAFETY: key and value have the sizes that the map has.
    if !content.isEmpty { try checked(bpf_map_update_elem(number, &key, content, 0)) }
    if map.flags & UInt32(BPF_F_RDONLY_PROG) != 0 { try checked(bpf_map_freeze(number)) }
  }

  private func load(
    _ program: ProgramImage.Program, maps: [Int32], types: borrowing Descriptor
  ) throws(SystemError) -> Int32 {
    var instructions = program.instructions
    let isWhole = instructions.withUnsafeMutableBytes {
      Instructions.replace(in: $0) { maps.indices.contains(Int($0)) ? maps[Int($0)] : nil }
    }
    guard isWhole else { throw SystemError(code: EINVAL) }
    return try checked(send(program, instructions, types: types.number))
  }

  private func send(_ program: ProgramImage.Program, _ instructions: [UInt8], types: Int32) -> Int32
  {
    program.name.withCString { name in
      Self.license.withCString { license in
        instructions.withUnsafeBytes { code in
          program.functions.withUnsafeBytes { functions in
            var load = kiter_program(
              name: name, license: license, type: program.type, attach_type: program.attachType,
              attach_id: program.attachID, flags: program.flags, instructions: code.baseAddress,
              functions: functions.baseAddress,
              instruction_count: UInt32(code.count / Instructions.size),
              function_count: UInt32(functions.count) / program.functionSize,
              function_size: program.functionSize, types: types)
            // SAFETY: all that it points to lives until it returns.
            return kiter_program_load(&load)
          }
        }
      }
    }
  }
}

/// The error number of a system call.
struct SystemError: Error { let code: Int32 }

/// A call's result, unless it is a negated error number.
@discardableResult
func checked(_ result: Int32) throws(SystemError) -> Int32 {
  guard result >= 0 else { throw SystemError(code: -result) }
  return result
}
