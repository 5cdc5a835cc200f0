/// What libbpf makes of an object file on this kernel: all that it takes to load the programs again
/// with a few bpf(2) calls.
///
/// Relocation depends on the kernel alone. What a load is told (columns, slots) is in the content of
/// a map, which is set anew each time.
package struct ProgramImage: Equatable {
  struct Map: Equatable {
    var name: String
    /// `enum bpf_map_type`.
    var type: UInt32
    var keySize: UInt32
    var valueSize: UInt32
    var entries: UInt32
    /// `BPF_F_…`. A map that programs may not write is frozen, so that the verifier knows its values.
    var flags: UInt32
    /// The first element at the start; empty for zeros.
    var content: [UInt8]
  }

  struct Program: Equatable {
    var name: String
    /// `enum bpf_prog_type`.
    var type: UInt32
    /// `enum bpf_attach_type`.
    var attachType: UInt32
    /// What it is attached to: an id in the kernel's BTF.
    var attachID: UInt32
    /// `BPF_F_…`.
    var flags: UInt32
    /// Relocated; where libbpf puts a map's descriptor there is the map's index.
    var instructions: [UInt8]
    /// `struct bpf_func_info` of each function, which the verifier wants of callbacks.
    var functions: [UInt8]
    /// Bytes of one of them.
    var functionSize: UInt32
  }

  /// The programs' type information (BTF).
  var types: [UInt8] = []
  var maps: [Map] = []
  var programs: [Program] = []
}

/// The instructions (`struct bpf_insn`) that name something by a descriptor.
enum Instructions {
  static let size = 8
  /// BPF_LD | BPF_IMM | BPF_DW
  private static let loadImmediate: UInt8 = 0x18
  /// BPF_PSEUDO_MAP_FD and BPF_PSEUDO_MAP_VALUE, in the source register's place.
  private static let pseudoMaps: ClosedRange<UInt8> = 1...2

  /// Replaces the map in each instruction that refers to one.
  ///
  /// - Returns: false if `replacement` gave nil.
  static func replace(
    in instructions: UnsafeMutableRawBufferPointer, with replacement: (Int32) -> Int32?
  ) -> Bool {
    for at in stride(from: 0, to: instructions.count - size + 1, by: size) {
      guard instructions[at] == loadImmediate, pseudoMaps.contains(instructions[at + 1] >> 4)
      else { continue }
      // SAFETY: the eight bytes from `at` are inside; the immediate is the last four of them.
      let old = instructions.loadUnaligned(fromByteOffset: at + 4, as: Int32.self)
      guard let new = replacement(old) else { return false }
      instructions.storeBytes(of: new, toByteOffset: at + 4, as: Int32.self)
    }
    return true
  }

  /// Which of an image's maps its programs refer to.
  static func mapsUsed(by programs: [ProgramImage.Program], count: Int) -> [Bool] {
    var isUsed = [Bool](repeating: false, count: count)
    for program in programs {
      for instruction in Instruction.list(program.instructions)
      where instruction.isWide && pseudoMaps.contains(UInt8(instruction.from)) {
        let map = Int(instruction.immediate)
        if isUsed.indices.contains(map) { isUsed[map] = true }
      }
    }
    return isUsed
  }

  /// Does an instruction call a function of a kernel module? Its table of descriptors is not kept.
  static func callsModules(_ instructions: [UInt8]) -> Bool {
    stride(from: 0, to: instructions.count - size + 1, by: size).contains { at in
      // BPF_JMP | BPF_CALL to BPF_PSEUDO_KFUNC_CALL; the offset names the module.
      instructions[at] == 0x85 && instructions[at + 1] >> 4 == 2
        && (instructions[at + 2] != 0 || instructions[at + 3] != 0)
    }
  }
}
