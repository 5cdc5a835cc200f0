/// What is known of the registers before an instruction.
struct KnownRegisters: BitwiseCopyable {
  /// A bit for each register that holds a known number.
  private var numbers: UInt16 = 0
  /// A bit for each that points to the constants; its value is how far into them.
  private var pointers: UInt16 = 0
  /// A bit for each that holds an address of the kernel's, which is not 0.
  private var addresses: UInt16 = 0
  private var values = InlineArray<16, UInt64>(repeating: 0)

  func number(_ register: Int) -> UInt64? {
    numbers & 1 << register != 0 ? values[register] : nil
  }

  func pointer(_ register: Int) -> UInt64? {
    pointers & 1 << register != 0 ? values[register] : nil
  }

  func isAddress(_ register: Int) -> Bool { (addresses | pointers) & 1 << register != 0 }

  mutating func forget(_ registers: UInt16) {
    numbers &= ~registers
    pointers &= ~registers
    addresses &= ~registers
  }

  mutating func setNumber(_ register: Int, _ value: UInt64) {
    forget(1 << register)
    numbers |= 1 << register
    values[register] = value
  }

  mutating func setPointer(_ register: Int, _ value: UInt64) {
    forget(1 << register)
    pointers |= 1 << register
    values[register] = value
  }

  mutating func setAddress(_ register: Int) {
    forget(1 << register)
    addresses |= 1 << register
  }

  mutating func copy(_ from: Int, to: Int) {
    if let number = number(from) {
      setNumber(to, number)
    } else if let pointer = pointer(from) {
      setPointer(to, pointer)
    } else if isAddress(from) {
      setAddress(to)
    } else {
      forget(1 << to)
    }
  }

  /// Keeps what is so on another way, too.
  ///
  /// - Returns: whether less is known now.
  mutating func join(_ other: KnownRegisters) -> Bool {
    let before = (numbers, pointers, addresses)
    numbers &= other.numbers
    pointers &= other.pointers
    addresses &= other.addresses
    var valued = numbers | pointers
    while valued != 0 {
      let register = valued.trailingZeroBitCount
      valued &= valued - 1
      if values[register] != other.values[register] { forget(1 << register) }
    }
    return before != (numbers, pointers, addresses)
  }
}

extension KnownRegisters {
  /// Does what an instruction does to the registers.
  ///
  /// - Parameters:
  ///   - instruction: not a jump.
  ///   - next: the second place of one that takes two.
  ///   - constants: the map of constants, and what it holds.
  mutating func run(_ instruction: Instruction, next: Instruction?, constants: ProgramConstantMap) {
    let to = instruction.to
    switch instruction.group {
    case Instruction.Group.load: load(instruction, next: next, constants: constants)
    case Instruction.Group.loadMemory:
      if let at = pointer(instruction.from), let value = constants.load(instruction, at: at) {
        setNumber(to, value)
      } else {
        forget(1 << to)
      }
    case Instruction.Group.arithmetic: compute(instruction)
    case Instruction.Group.arithmetic32: compute32(instruction)
    default: forget(instruction.writes)
    }
  }

  /// Is the condition of a jump met? nil if it depends.
  func decide(_ jump: Instruction) -> Bool? {
    if jump.isUnconditional { return true }
    if jump.code == Instruction.jumpPerhaps { return nil }
    let isShort = jump.group == Instruction.Group.jump32
    guard let second = second(jump) else { return nil }
    guard let first = number(jump.to) else {
      guard isAddress(jump.to), second == 0, !isShort else { return nil }
      switch jump.operation {
      case Instruction.Condition.equal: return false
      case Instruction.Condition.notEqual: return true
      default: return nil
      }
    }
    return isShort
      ? Self.compare(
        jump.operation, UInt64(UInt32(truncatingIfNeeded: first)),
        UInt64(UInt32(truncatingIfNeeded: second)), Int64(Int32(truncatingIfNeeded: first)),
        Int64(Int32(truncatingIfNeeded: second)))
      : Self.compare(
        jump.operation, first, second, Int64(bitPattern: first), Int64(bitPattern: second))
  }

  private static func compare(
    _ condition: UInt8, _ first: UInt64, _ second: UInt64, _ signed: Int64, _ secondSigned: Int64
  ) -> Bool? {
    switch condition {
    case Instruction.Condition.equal: first == second
    case Instruction.Condition.notEqual: first != second
    case Instruction.Condition.greater: first > second
    case Instruction.Condition.notLess: first >= second
    case Instruction.Condition.less: first < second
    case Instruction.Condition.notGreater: first <= second
    case Instruction.Condition.anyBit: first & second != 0
    case Instruction.Condition.greaterSigned: signed > secondSigned
    case Instruction.Condition.notLessSigned: signed >= secondSigned
    case Instruction.Condition.lessSigned: signed < secondSigned
    case Instruction.Condition.notGreaterSigned: signed <= secondSigned
    default: nil
    }
  }

  /// The second operand, if it is a known number.
  private func second(_ instruction: Instruction) -> UInt64? {
    instruction.usesRegister
      ? number(instruction.from) : UInt64(bitPattern: Int64(instruction.immediate))
  }

  private mutating func load(
    _ instruction: Instruction, next: Instruction?, constants: ProgramConstantMap
  ) {
    let high = UInt64(UInt32(bitPattern: next?.immediate ?? 0))
    switch instruction.from {
    case Instruction.Pseudo.number:
      setNumber(instruction.to, UInt64(UInt32(bitPattern: instruction.immediate)) | high << 32)
    case Instruction.Pseudo.mapValue where instruction.immediate == constants.map:
      setPointer(instruction.to, high)
    default: setAddress(instruction.to)
    }
  }

  private mutating func compute(_ instruction: Instruction) {
    let to = instruction.to
    let operation = instruction.operation
    if operation == Instruction.Operation.move && instruction.usesRegister
      && instruction.offset == 0
    {
      return copy(instruction.from, to: to)
    }
    if operation == Instruction.Operation.add, let pointer = pointer(to),
      let distance = second(instruction)
    {
      return setPointer(to, pointer &+ distance)
    }
    guard let second = second(instruction),
      let first = operation == Instruction.Operation.move ? 0 : number(to),
      let value = Self.result(instruction, first, second)
    else { return forget(1 << to) }
    setNumber(to, value)
  }

  /// As with 64 bits, except for the shifts, whose sizes differ.
  private mutating func compute32(_ instruction: Instruction) {
    let to = instruction.to
    guard let second = second(instruction),
      let first = instruction.operation == Instruction.Operation.move ? 0 : number(to),
      let value = Self.result32(
        instruction, UInt32(truncatingIfNeeded: first), UInt32(truncatingIfNeeded: second))
    else { return forget(1 << to) }
    setNumber(to, UInt64(value))
  }

  /// nil where the result is left to the kernel: with an offset, an operation is another one.
  private static func result(_ instruction: Instruction, _ first: UInt64, _ second: UInt64)
    -> UInt64?
  {
    guard instruction.offset == 0 else { return nil }
    return switch instruction.operation {
    case Instruction.Operation.add: first &+ second
    case Instruction.Operation.subtract: first &- second
    case Instruction.Operation.multiply: first &* second
    case Instruction.Operation.divide: second == 0 ? 0 : first / second
    case Instruction.Operation.or: first | second
    case Instruction.Operation.and: first & second
    case Instruction.Operation.shiftLeft: first &<< second
    case Instruction.Operation.shiftRight: first &>> second
    case Instruction.Operation.negate: 0 &- first
    case Instruction.Operation.modulo: second == 0 ? first : first % second
    case Instruction.Operation.exclusiveOr: first ^ second
    case Instruction.Operation.move: second
    case Instruction.Operation.shiftSigned:
      UInt64(bitPattern: Int64(bitPattern: first) &>> Int64(bitPattern: second))
    default: nil
    }
  }

  private static func result32(_ instruction: Instruction, _ first: UInt32, _ second: UInt32)
    -> UInt32?
  {
    guard instruction.offset == 0 else { return nil }
    return switch instruction.operation {
    case Instruction.Operation.shiftLeft: first &<< second
    case Instruction.Operation.shiftRight: first &>> second
    case Instruction.Operation.shiftSigned:
      UInt32(bitPattern: Int32(bitPattern: first) &>> Int32(bitPattern: second))
    default:
      result(instruction, UInt64(first), UInt64(second)).map { UInt32(truncatingIfNeeded: $0) }
    }
  }
}

/// The map of constants: its number in the image, and its content.
struct ProgramConstantMap {
  var map: Int32
  var content: [UInt8]

  /// What a load from the content gives; nil if it goes beyond.
  func load(_ instruction: Instruction, at: UInt64) -> UInt64? {
    let start = Int64(bitPattern: at) &+ Int64(instruction.offset)
    let width = instruction.width
    guard start >= 0, start <= Int64(content.count - width) else { return nil }
    var value: UInt64 = 0
    for index in 0..<width { value |= UInt64(content[Int(start) + index]) << (8 * index) }
    guard instruction.mode == 4 else { return value }
    let unused = 64 - 8 * width
    return UInt64(bitPattern: Int64(bitPattern: value << unused) >> unused)
  }
}
