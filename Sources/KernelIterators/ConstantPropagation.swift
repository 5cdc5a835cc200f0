/// Finds what a program does when its constants are what they are: sparse conditional constant
/// propagation (Wegman and Zadeck, 1991), block by block.
///
/// Only what can be reached is followed, so a number that differs on a way that is never taken does
/// not count.
struct ConstantPropagation {
  /// What becomes of an instruction.
  enum Fate: UInt8 {
    /// It is never reached, or does nothing that matters.
    case gone
    case kept
    /// It sets a register to the number in `numbers`.
    case number
    /// Its condition is always met.
    case jumps
  }

  private let code: [Instruction]
  private let constants: ProgramConstantMap
  /// Where a block begins: the block's number, which is -1 elsewhere.
  private var blocks: [Int32]
  /// What is known where each block begins.
  private var known: [KnownRegisters]
  private var isReached: [Bool]
  private var isPending: [Bool]
  private var again = true
  private(set) var fates: [Fate]
  private(set) var numbers: [UInt64]

  /// Follows a program; nil if it has an instruction that is not understood.
  init?(_ code: [Instruction], constants: ProgramConstantMap) {
    guard let (blocks, count) = Self.blocks(of: code) else { return nil }
    self.code = code
    self.constants = constants
    self.blocks = blocks
    known = Array(repeating: KnownRegisters(), count: count)
    isReached = Array(repeating: false, count: count)
    isPending = Array(repeating: false, count: count)
    fates = Array(repeating: .gone, count: code.count)
    numbers = Array(repeating: 0, count: code.count)
    reach(0, from: 0, KnownRegisters())
    while again {
      again = false
      for start in code.indices where blocks[start] >= 0 && isPending[Int(blocks[start])] {
        follow(start)
      }
    }
  }

  /// Numbers the places where a block begins: functions, where jumps go, and what is behind them.
  private static func blocks(of code: [Instruction]) -> (numbers: [Int32], count: Int)? {
    var numbers = [Int32](repeating: -1, count: code.count + 1)
    guard !code.isEmpty else { return nil }
    numbers[0] = 0
    var isSecond = false
    for (at, instruction) in code.enumerated() {
      if isSecond {
        // The second place of a wide load is nothing by itself.
        guard instruction.code == 0 else { return nil }
        isSecond = false
        continue
      }
      guard instruction.isUnderstood else { return nil }
      isSecond = instruction.isWide
      var place = at
      if instruction.isJump {
        place = instruction.target(at: at)
        numbers[at + 1] = 0
      } else if instruction.namesFunction {
        place = instruction.function(at: at)
      } else {
        continue
      }
      guard code.indices.contains(place) else { return nil }
      numbers[place] = 0
    }
    guard !isSecond, let last = code.last, last.code == Instruction.exit || last.isUnconditional
    else { return nil }
    var count: Int32 = 0
    for at in code.indices where numbers[at] == 0 {
      // A jump into the middle of a wide load.
      guard code[at].code != 0 else { return nil }
      numbers[at] = count
      count += 1
    }
    return (numbers, Int(count))
  }

  /// A way leads to a block.
  private mutating func reach(_ place: Int, from: Int, _ registers: KnownRegisters) {
    let block = Int(blocks[place])
    if !isReached[block] {
      isReached[block] = true
      known[block] = registers
    } else if !known[block].join(registers) {
      return
    }
    isPending[block] = true
    if place <= from { again = true }
  }

  /// Follows a block to its end.
  private mutating func follow(_ start: Int) {
    var at = start
    isPending[Int(blocks[start])] = false
    var registers = known[Int(blocks[start])]
    repeat {
      let instruction = code[at]
      if instruction.isJump { return jump(instruction, at: at, registers) }
      let size = instruction.isWide ? 2 : 1
      registers.run(instruction, next: size == 2 ? code[at + 1] : nil, constants: constants)
      fates[at] = .kept
      if instruction.isPure, let number = registers.number(instruction.to) {
        fates[at] = .number
        numbers[at] = number
      }
      if instruction.namesFunction {
        // A function is looked at with any arguments.
        reach(instruction.function(at: at), from: at, KnownRegisters())
      }
      if instruction.code == Instruction.exit { return }
      at += size
    } while blocks[at] < 0
    reach(at, from: start, registers)
  }

  private mutating func jump(_ jump: Instruction, at: Int, _ registers: KnownRegisters) {
    let isTaken = registers.decide(jump)
    if isTaken != false { reach(jump.target(at: at), from: at, registers) }
    if isTaken != true { reach(at + 1, from: at, registers) }
    switch isTaken {
    case true: fates[at] = .jumps
    case false: fates[at] = .gone
    default: fates[at] = .kept
    }
  }
}
