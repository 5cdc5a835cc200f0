extension ProgramImage {
  /// What is left of it with the constants of a load: other code, and fewer maps.
  package func folded(_ constants: [UInt8]) -> Self {
    var folded = self
    let index = maps.firstIndex {
      $0.name == Self.constantsName && Int($0.valueSize) == constants.count
    }
    if let index {
      let known = ProgramConstantMap(map: Int32(index), content: constants)
      folded.programs = programs.map { $0.folded(known) ?? $0 }
    }
    folded.dropUnusedMaps()
    folded.dropUnusedTypes()
    return folded
  }

  /// `struct bpf_func_info` is the function's place, and its type.
  private mutating func dropUnusedTypes() {
    let records = programs.indices.flatMap { program in
      let size = max(8, Int(programs[program].functionSize))
      return stride(from: 0, through: programs[program].functions.count - size, by: size)
        .map { (program, at: $0 + 4) }
    }
    let functions = records.map { record in
      programs[record.0].functions.withUnsafeBytes {
        // SAFETY: a record has at least these eight bytes.
        $0.loadUnaligned(fromByteOffset: record.at, as: UInt32.self)
      }
    }
    guard let needed = FunctionTypes(types)?.needed(by: functions) else { return }
    types = needed.types
    for (record, number) in zip(records, needed.numbers) {
      programs[record.0].functions.withUnsafeMutableBytes {
        $0.storeBytes(of: number, toByteOffset: record.at, as: UInt32.self)
      }
    }
  }

  private mutating func dropUnusedMaps() {
    let isUsed = Instructions.mapsUsed(by: programs, count: maps.count)
    var places: [Int32] = []
    var kept: [Map] = []
    for (map, isUsed) in zip(maps, isUsed) {
      places.append(Int32(kept.count))
      if isUsed { kept.append(map) }
    }
    maps = kept
    for index in programs.indices {
      programs[index].instructions.withUnsafeMutableBytes {
        _ = Instructions.replace(in: $0) { places.indices.contains(Int($0)) ? places[Int($0)] : $0 }
      }
    }
  }
}

extension ProgramImage.Program {
  /// The program as it is with these constants: the kernel's verifier would find the same dead code,
  /// but it walks each test of a constant, and moves the whole program for each range it removes.
  ///
  /// - Returns: nil for a program with instructions that are not understood here.
  func folded(_ constants: ProgramConstantMap) -> Self? {
    let code = Instruction.list(instructions)
    guard let propagation = ConstantPropagation(code, constants: constants) else { return nil }
    var unused = UnusedCode(code, fates: propagation.fates)
    unused.drop()
    let assembly = FoldedCode(code, fates: unused.fates, numbers: propagation.numbers)
    guard let instructions = assembly.instructions(),
      let functions = assembly.functions(functions, size: Int(functionSize))
    else { return nil }
    var folded = self
    folded.instructions = instructions
    folded.functions = functions
    return folded
  }
}

/// Puts together what is left of a program.
private struct FoldedCode {
  private let code: [Instruction]
  private let fates: [ConstantPropagation.Fate]
  private let numbers: [UInt64]
  /// Where each instruction will be: how many places are before it.
  private var places: [Int]

  init(_ code: [Instruction], fates: [ConstantPropagation.Fate], numbers: [UInt64]) {
    self.code = code
    self.fates = fates
    self.numbers = numbers
    places = Array(repeating: 0, count: code.count + 1)
    for at in code.indices { places[at + 1] = places[at] + size(at) }
  }

  private func size(_ at: Int) -> Int {
    switch fates[at] {
    case .gone: 0
    case .jumps: 1
    case .kept: code[at].isWide ? 2 : 1
    case .number: Self.move(numbers[at], to: code[at].to) == nil ? 2 : 1
    }
  }

  /// One instruction that sets a register to a number, if it is short enough.
  private static func move(_ number: UInt64, to: Int) -> Instruction? {
    if let value = Int32(exactly: Int64(bitPattern: number)) {
      return Instruction(Instruction.moveImmediate, to, immediate: Int(value))
    }
    if let value = UInt32(exactly: number) {
      return Instruction(Instruction.moveImmediate32, to, immediate: Int(value))
    }
    return nil
  }

  /// nil if a jump became too long: numbers may take more room than the loads they replace.
  func instructions() -> [UInt8]? {
    var result: [Instruction] = []
    result.reserveCapacity(places[code.count])
    for at in code.indices {
      switch fates[at] {
      case .gone: break
      case .number: append(numbers[at], to: code[at].to, &result)
      case .kept, .jumps:
        guard let moved = moved(at) else { return nil }
        result.append(moved)
        if moved.isWide { result.append(code[at + 1]) }
      }
    }
    return result.withUnsafeBytes { Array($0) }
  }

  private func append(_ number: UInt64, to: Int, _ result: inout [Instruction]) {
    if let move = Self.move(number, to: to) { return result.append(move) }
    result.append(
      Instruction(Instruction.wideLoad, to, immediate: Int(truncatingIfNeeded: number)))
    result.append(Instruction(0, immediate: Int(truncatingIfNeeded: number >> 32)))
  }

  /// An instruction with its distances as they are now.
  private func moved(_ at: Int) -> Instruction? {
    var instruction = code[at]
    if instruction.namesFunction {
      instruction.immediate = Int32(places[instruction.function(at: at)] - places[at] - 1)
    } else if instruction.isJump {
      let distance = places[instruction.target(at: at)] - places[at] - 1
      if instruction.code == Instruction.jumpAlwaysFar {
        instruction.immediate = Int32(distance)
        return instruction
      }
      guard let offset = Int16(exactly: distance) else { return nil }
      if fates[at] == .jumps { instruction = Instruction(Instruction.jumpAlways) }
      instruction.offset = offset
    }
    return instruction
  }

  /// The functions that are left, at their places: `struct bpf_func_info` begins with the place, and
  /// they are in its order.
  func functions(_ functions: [UInt8], size: Int) -> [UInt8]? {
    guard size >= 4 else { return nil }
    var result: [UInt8] = []
    let starts = stride(from: 0, to: functions.count - size + 1, by: size).map { record in
      // SAFETY: the four bytes from `record` are inside: a record is at least that long.
      functions.withUnsafeBytes {
        Int($0.loadUnaligned(fromByteOffset: record, as: UInt32.self))
      }
    }
    for (index, start) in starts.enumerated() {
      let end = index + 1 < starts.count ? starts[index + 1] : code.count
      guard start < end, end <= code.count else { return nil }
      // One that is still there does something: it returns.
      guard places[end] > places[start] else { continue }
      withUnsafeBytes(of: UInt32(places[start])) { result += $0 }
      result += functions[index * size + 4..<(index + 1) * size]
    }
    return result
  }
}
