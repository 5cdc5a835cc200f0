/// Drops instructions whose result nobody uses, jumps to what follows anyway, and functions that
/// nobody names any more.
struct UnusedCode {
  /// An instruction that is reached.
  private struct Step {
    var at: Int32
    /// The step where a jump goes, or a function begins; -1 for neither.
    var target: Int32
    var reads: UInt16
    var writes: UInt16
    var isGone = false
    var isPure: Bool
    /// Does it ever go on to the next one?
    var goesOn: Bool
    var isJump: Bool
    var namesFunction: Bool
  }

  private(set) var fates: [ConstantPropagation.Fate]
  private var steps: [Step] = []
  /// The registers that are looked at from each step on, a bit for each.
  private var used: [UInt16]
  /// Does a jump behind it lead back to it?
  private var isLoop: [Bool]

  init(_ code: [Instruction], fates: [ConstantPropagation.Fate]) {
    self.fates = fates
    var positions = [Int32](repeating: 0, count: code.count + 1)
    var count: Int32 = 0
    for at in code.indices {
      positions[at] = count
      if fates[at] != .gone { count += 1 }
    }
    steps.reserveCapacity(Int(count))
    used = Array(repeating: 0, count: Int(count) + 1)
    isLoop = Array(repeating: false, count: Int(count) + 1)
    for at in code.indices where fates[at] != .gone {
      steps.append(Self.step(code[at], fates[at], at: at, positions))
      let step = steps[steps.count - 1]
      if step.isJump && Int(step.target) < steps.count { isLoop[Int(step.target)] = true }
    }
  }

  private static func step(
    _ instruction: Instruction, _ fate: ConstantPropagation.Fate, at: Int, _ positions: [Int32]
  ) -> Step {
    let isJump = instruction.isJump
    let names = instruction.namesFunction
    let isKept = fate == .kept
    return Step(
      at: Int32(at),
      target: isJump
        ? positions[instruction.target(at: at)]
        : names ? positions[instruction.function(at: at)] : -1,
      reads: isKept ? instruction.reads : 0, writes: instruction.writes,
      isPure: instruction.isPure, goesOn: fate != .jumps && instruction.code != Instruction.exit,
      isJump: isJump, namesFunction: names)
  }

  mutating func drop() {
    repeat {
      findUsed()
      for at in steps.indices where steps[at].isPure && used[at + 1] & steps[at].writes == 0 {
        steps[at].isGone = true
      }
    } while dropJumpsToNext() || dropFunctions()
    for step in steps where step.isGone { fates[Int(step.at)] = .gone }
  }

  /// Goes backwards, until nothing changes where a loop begins.
  private mutating func findUsed() {
    for at in used.indices { used[at] = 0 }
    var isChanged = true
    while isChanged {
      isChanged = false
      for at in steps.indices.reversed() {
        let before = before(steps[at], next: used[at + 1])
        if isLoop[at] && used[at] != before { isChanged = true }
        used[at] = before
      }
    }
  }

  /// The registers that are looked at from a step on.
  private func before(_ step: Step, next: UInt16) -> UInt16 {
    if step.isGone { return next }
    var after = step.goesOn ? next : 0
    if step.isJump { after |= used[Int(step.target)] }
    if step.isPure && after & step.writes == 0 { return after }
    return after & ~step.writes | step.reads
  }

  /// - Returns: whether there was one that looked at registers.
  private mutating func dropJumpsToNext() -> Bool {
    var next = steps.count
    var isChanged = false
    for at in steps.indices.reversed() where !steps[at].isGone {
      let target = Int(steps[at].target)
      if steps[at].isJump && at < target && target <= next {
        isChanged = isChanged || steps[at].reads != 0
        steps[at].isGone = true
      } else {
        next = at
      }
    }
    return isChanged
  }

  /// - Returns: whether there was one.
  private mutating func dropFunctions() -> Bool {
    var isStart = [Bool](repeating: false, count: steps.count + 1)
    var isNamed = isStart
    isStart[0] = true
    isNamed[0] = true
    for step in steps where step.namesFunction {
      isStart[Int(step.target)] = true
      if !step.isGone { isNamed[Int(step.target)] = true }
    }
    var isKept = true
    var isChanged = false
    for at in steps.indices {
      if isStart[at] { isKept = isNamed[at] }
      if !isKept && !steps[at].isGone {
        steps[at].isGone = true
        isChanged = true
      }
    }
    return isChanged
  }
}
