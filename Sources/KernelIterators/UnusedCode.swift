/// Drops instructions whose result nobody uses, jumps to what follows anyway, and functions that
/// nobody names any more.
struct UnusedCode {
  private typealias Fate = ConstantPropagation.Fate

  private let code: [Instruction]
  private(set) var fates: [ConstantPropagation.Fate]
  /// The registers that are looked at from each place on, a bit for each.
  private var used: [UInt16]

  init(_ code: [Instruction], fates: [ConstantPropagation.Fate]) {
    self.code = code
    self.fates = fates
    used = Array(repeating: 0, count: code.count + 1)
  }

  mutating func drop() {
    repeat {
      findUsed()
      dropUnused()
    } while dropJumpsToNext() || dropFunctions()
  }

  /// Goes backwards until nothing changes: once, and once more for each loop in a loop.
  private mutating func findUsed() {
    for at in used.indices { used[at] = 0 }
    var isChanged = true
    while isChanged {
      isChanged = false
      for at in code.indices.reversed() {
        let before = before(at)
        if used[at] != before {
          used[at] = before
          isChanged = true
        }
      }
    }
  }

  /// The registers that are looked at from an instruction on.
  private func before(_ at: Int) -> UInt16 {
    let instruction = code[at]
    let after = after(at)
    switch fates[at] {
    case .gone, .jumps: return after
    case .number: return after & ~instruction.writes
    case .kept:
      if instruction.isPure && after & instruction.writes == 0 { return after }
      return after & ~instruction.writes | instruction.reads
    }
  }

  private func after(_ at: Int) -> UInt16 {
    let instruction = code[at]
    switch fates[at] {
    case .jumps: return used[instruction.target(at: at)]
    case .kept where instruction.code == Instruction.exit: return 0
    case .kept where instruction.isJump: return used[at + 1] | used[instruction.target(at: at)]
    case .kept, .number, .gone: return used[at + (instruction.isWide ? 2 : 1)]
    }
  }

  private mutating func dropUnused() {
    for at in code.indices
    where fates[at] == .number || (fates[at] == .kept && code[at].isPure) {
      if after(at) & code[at].writes == 0 { fates[at] = .gone }
    }
  }

  /// - Returns: whether there was one that looked at registers.
  private mutating func dropJumpsToNext() -> Bool {
    var next = code.count
    var isChanged = false
    for at in code.indices.reversed() where fates[at] != .gone {
      let isJump = code[at].isJump && code[at].code != Instruction.jumpPerhaps
      if isJump, case let target = code[at].target(at: at), at < target, target <= next {
        isChanged = isChanged || fates[at] == .kept
        fates[at] = .gone
      } else {
        next = at
      }
    }
    return isChanged
  }

  /// - Returns: whether there was one.
  private mutating func dropFunctions() -> Bool {
    var isStart = [Bool](repeating: false, count: code.count)
    var isNamed = isStart
    isStart[0] = true
    isNamed[0] = true
    for at in code.indices where code[at].namesFunction {
      isStart[code[at].function(at: at)] = true
      if fates[at] != .gone { isNamed[code[at].function(at: at)] = true }
    }
    var isKept = true
    var isChanged = false
    for at in code.indices {
      if isStart[at] { isKept = isNamed[at] }
      if !isKept && fates[at] != .gone {
        fates[at] = .gone
        isChanged = true
      }
    }
    return isChanged
  }
}
