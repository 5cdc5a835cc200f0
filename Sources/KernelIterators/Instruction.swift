/// One instruction of a BPF program: the layout is that of `struct bpf_insn`. One that loads 64 bits
/// takes two places.
///
/// Encodings: the kernel's Documentation/bpf/standardization/instruction-set.rst.
struct Instruction: BitwiseCopyable, Equatable {
  var code: UInt8
  var registers: UInt8
  var offset: Int16
  var immediate: Int32

  init(_ code: UInt8, _ to: Int = 0, _ from: Int = 0, offset: Int = 0, immediate: Int = 0) {
    self.code = code
    registers = UInt8(to | from << 4)
    self.offset = Int16(offset)
    self.immediate = Int32(truncatingIfNeeded: immediate)
  }

  /// Copies instructions out of a program's bytes.
  static func list(_ bytes: [UInt8]) -> [Instruction] {
    bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / Instructions.size).map {
        // SAFETY: the eight bytes are inside, and any eight bytes are an instruction.
        bytes.loadUnaligned(fromByteOffset: $0 * Instructions.size, as: Instruction.self)
      }
    }
  }
}

extension Instruction {
  enum Group {
    static let load: UInt8 = 0, loadMemory: UInt8 = 1, store: UInt8 = 2, storeRegister: UInt8 = 3
    static let arithmetic32: UInt8 = 4, jump: UInt8 = 5, jump32: UInt8 = 6, arithmetic: UInt8 = 7
  }

  /// In the high half of an arithmetic instruction's code.
  enum Operation {
    static let add: UInt8 = 0, subtract: UInt8 = 1, multiply: UInt8 = 2, divide: UInt8 = 3
    static let or: UInt8 = 4, and: UInt8 = 5, shiftLeft: UInt8 = 6, shiftRight: UInt8 = 7
    static let negate: UInt8 = 8, modulo: UInt8 = 9, exclusiveOr: UInt8 = 10, move: UInt8 = 11
    static let shiftSigned: UInt8 = 12, swapBytes: UInt8 = 13
  }

  /// In the high half of a jump's code.
  enum Condition {
    static let always: UInt8 = 0, equal: UInt8 = 1, greater: UInt8 = 2, notLess: UInt8 = 3
    static let anyBit: UInt8 = 4, notEqual: UInt8 = 5, greaterSigned: UInt8 = 6
    static let notLessSigned: UInt8 = 7, less: UInt8 = 10, notGreater: UInt8 = 11
    static let lessSigned: UInt8 = 12, notGreaterSigned: UInt8 = 13
  }

  static let wideLoad: UInt8 = 0x18
  static let moveImmediate: UInt8 = 0xb7
  static let moveImmediate32: UInt8 = 0xb4
  static let jumpAlways: UInt8 = 0x05
  static let jumpAlwaysFar: UInt8 = 0x06
  static let call: UInt8 = 0x85
  static let exit: UInt8 = 0x95
  /// may_goto: it jumps when the kernel has had enough of a loop (Linux 6.9).
  static let jumpPerhaps: UInt8 = 0xe5

  /// What a wide load's source register says that its immediate is.
  enum Pseudo {
    static let number = 0, map = 1, mapValue = 2, kernelSymbol = 3, function = 4
  }

  var group: UInt8 { code & 7 }
  var operation: UInt8 { code >> 4 }
  /// Is the second operand a register?
  var usesRegister: Bool { code & 8 != 0 }
  var to: Int { Int(registers & 15) }
  var from: Int { Int(registers >> 4) }
  /// Of a load or store: 3 plain, 4 with sign, 6 atomic.
  var mode: UInt8 { code >> 5 }
  /// Bytes that a load or store moves.
  var width: Int { 1 << Int(0x3012 >> (UInt16(code >> 3 & 3) * 4) & 3) }

  var isWide: Bool { code == Self.wideLoad }
  var isJump: Bool {
    (group == Group.jump || group == Group.jump32) && code != Self.call && code != Self.exit
  }
  var isUnconditional: Bool { code == Self.jumpAlways || code == Self.jumpAlwaysFar }

  /// Where a jump at `at` goes.
  func target(at: Int) -> Int {
    at + 1 + (code == Self.jumpAlwaysFar ? Int(immediate) : Int(offset))
  }

  /// Does it name a function of the program, by distance?
  var namesFunction: Bool {
    (code == Self.call && from == 1) || (isWide && from == Pseudo.function)
  }

  /// The function that it names.
  func function(at: Int) -> Int { at + 1 + Int(immediate) }

  /// Does it nothing but set a register? Then it may go if nobody looks at that. (No load of a
  /// program can fault.)
  var isPure: Bool {
    switch group {
    case Group.arithmetic, Group.arithmetic32, Group.load, Group.loadMemory: true
    default: false
    }
  }

  /// How many arguments a call takes; all five where that is not known. What is left in the others
  /// would keep alive what set them.
  private var arguments: Int {
    guard from == 0 else { return 5 }
    return switch immediate {
    case 35, 125: 0  // bpf_get_current_task(), bpf_ktime_get_boot_ns()
    case 1: 2  // bpf_map_lookup_elem()
    case 113, 115, 127, 147: 3  // bpf_probe_read_kernel(), …_str(), bpf_seq_write(), bpf_d_path()
    case 141, 181: 4  // bpf_get_task_stack(), bpf_loop()
    default: 5
    }
  }

  /// A bit for each register that it looks at.
  var reads: UInt16 {
    let to: UInt16 = 1 << self.to
    let from: UInt16 = usesRegister ? 1 << self.from : 0
    switch group {
    case Group.load: return 0
    case Group.loadMemory: return 1 << self.from
    case Group.store: return to
    case Group.storeRegister:
      return to | 1 << self.from | (mode == 6 && immediate == Self.compareAndExchange ? 1 : 0)
    case Group.arithmetic, Group.arithmetic32:
      switch operation {
      case Operation.move: return from
      case Operation.negate, Operation.swapBytes: return to
      default: return to | from
      }
    default:
      switch code {
      case Self.call: return 0b10 << UInt16(arguments) - 2
      case Self.exit: return 1
      case Self.jumpAlways, Self.jumpAlwaysFar, Self.jumpPerhaps: return 0
      default: return to | from
      }
    }
  }

  /// A bit for each register that it sets, or leaves without a value.
  var writes: UInt16 {
    switch group {
    case Group.load, Group.loadMemory, Group.arithmetic, Group.arithmetic32: return 1 << to
    case Group.storeRegister where mode == 6:
      if immediate == Self.compareAndExchange { return 1 }
      return immediate & 1 != 0 ? 1 << from : 0
    case Group.jump where code == Self.call: return 0b11_1111
    default: return 0
    }
  }

  private static let compareAndExchange: Int32 = 0xf1
  /// add, or, and, exclusive or; each of them with the old value; exchange; compare and exchange
  private static let atomics: [Int32] = [0, 0x40, 0x50, 0xa0, 1, 0x41, 0x51, 0xa1, 0xe1, 0xf1]

  /// Is it one whose effects `reads`, `writes` and `isPure` know?
  var isUnderstood: Bool {
    guard to <= 10, from <= 10 || group == Group.load else { return false }
    switch group {
    case Group.load: return isWide && from <= Pseudo.function
    case Group.loadMemory: return mode == 3 || mode == 4
    case Group.store: return mode == 3
    case Group.storeRegister: return mode == 3 || (mode == 6 && Self.atomics.contains(immediate))
    case Group.arithmetic, Group.arithmetic32:
      // Another address space (1) is no number that was moved.
      return operation <= Operation.swapBytes && !(operation == Operation.move && offset == 1)
    default:
      switch operation {
      case Condition.always: return isUnconditional
      case 8: return code == Self.call && from <= 2
      case 9: return code == Self.exit
      case 14: return code == Self.jumpPerhaps
      default: return operation <= Condition.notGreaterSigned
      }
    }
  }
}
