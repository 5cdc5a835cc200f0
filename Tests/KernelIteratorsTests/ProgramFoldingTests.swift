import Testing

@testable import KernelIterators

/// What is left of programs that are put together here by hand.
@Suite struct ProgramFoldingTests {
  /// The constants' map has number 3: a byte 0, a byte 1, a byte 0xff, five of 0; then numbers.
  private static let constants = ProgramConstantMap(
    map: 3,
    content: [0, 1, 0xff, 0, 0, 0, 0, 0] + [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
      + [1, 2, 3, 4, 5, 6, 7, 8])

  private static let exit = Instruction(0x95)

  private static func move(_ to: Int, _ value: Int) -> Instruction {
    Instruction(0xb7, to, immediate: value)
  }
  private static func move(_ to: Int, from: Int) -> Instruction { Instruction(0xbf, to, from) }
  /// A jump with a constant: its distance.
  private static func jump(_ code: UInt8, _ register: Int, _ value: Int, _ distance: Int)
    -> Instruction
  {
    Instruction(code, register, offset: distance, immediate: value)
  }
  private static func always(_ distance: Int) -> Instruction {
    Instruction(0x05, offset: distance)
  }
  /// The address of a constant: two places.
  private static func pointer(_ to: Int, _ at: Int = 0, map: Int = 3) -> [Instruction] {
    [Instruction(0x18, to, 2, immediate: map), Instruction(0, immediate: at)]
  }
  private static func byte(_ to: Int, _ from: Int, _ at: Int) -> Instruction {
    Instruction(0x71, to, from, offset: at)
  }
  /// Something that must stay: a number stored to memory that is in r6.
  private static func note(_ value: Int) -> Instruction {
    Instruction(0x7a, 6, immediate: value)
  }
  private static func helper(_ number: Int) -> Instruction { Instruction(0x85, immediate: number) }

  private static func program(_ code: [Instruction], functions: [Int] = [0])
    -> ProgramImage.Program
  {
    ProgramImage.Program(
      name: "p", type: 26, attachType: 28, attachID: 1, flags: 0,
      instructions: code.withUnsafeBytes { Array($0) },
      functions: functions.enumerated().flatMap { number, at in
        [UInt32(at), UInt32(100 + number)].withUnsafeBytes { Array($0) }
      }, functionSize: 8)
  }

  private static func fold(_ code: [Instruction]) -> [Instruction]? {
    program(code).folded(constants).map { Instruction.list($0.instructions) }
  }

  // MARK: Branches

  @Test func onlyTheWayThatIsTakenIsLeft() {
    for (at, expected) in [(0, 11), (1, 22)] {
      let code =
        Self.pointer(1) + [
          Self.byte(2, 1, at), Self.jump(0x15, 2, 0, 2), Self.note(22), Self.always(1),
          Self.note(11), Self.move(0, 0), Self.exit,
        ]
      #expect(Self.fold(code) == [Self.note(expected), Self.move(0, 0), Self.exit])
    }
  }

  @Test func aJumpThatDependsStaysAndCountsWhatIsLeft() {
    // if r7 is 0, over three instructions of which two go
    let code =
      Self.pointer(1) + [
        Self.jump(0x15, 7, 0, 4), Self.byte(2, 1, 0), Self.jump(0x55, 2, 0, 1), Self.note(1),
        Self.note(2), Self.move(0, 0), Self.exit,
      ]
    #expect(
      Self.fold(code) == [
        Self.jump(0x15, 7, 0, 2), Self.note(1), Self.note(2), Self.move(0, 0), Self.exit,
      ])
  }

  @Test func aJumpBackCountsWhatIsLeft() {
    let code =
      [Self.note(1)] + Self.pointer(1) + [
        Self.byte(2, 1, 1), Self.jump(0x15, 2, 0, 1), Self.note(2), Self.jump(0x55, 7, 0, -7),
        Self.move(0, 0), Self.exit,
      ]
    #expect(
      Self.fold(code) == [
        Self.note(1), Self.note(2), Self.jump(0x55, 7, 0, -3), Self.move(0, 0), Self.exit,
      ])
  }

  @Test func aConditionOnNothingGoes() {
    let code =
      Self.pointer(1) + [
        Self.byte(2, 1, 0), Self.jump(0x15, 7, 0, 2), Self.jump(0x15, 2, 0, 1), Self.note(1),
        Self.move(0, 0), Self.exit,
      ]
    #expect(Self.fold(code) == [Self.move(0, 0), Self.exit])
  }

  @Test func farJumpsAndLoopsWithoutEndAreJumps() {
    // gotol forward over what is gone, may_goto out of a loop
    let far = Instruction(0x06, immediate: 1)
    let perhaps = Instruction(0xe5, offset: 2)
    let code = [
      far, Self.note(9), Self.note(1), perhaps, Self.note(2), Self.always(-3), Self.move(0, 0),
      Self.exit,
    ]
    #expect(
      Self.fold(code) == [
        Self.note(1), perhaps, Self.note(2), Self.always(-3), Self.move(0, 0), Self.exit,
      ])
    let back = Instruction(0x06, immediate: -4)
    let loop = [
      Self.note(1), Self.move(3, 5), Self.jump(0x15, 7, 0, 1), back, Self.move(0, 0), Self.exit,
    ]
    #expect(
      Self.fold(loop) == [
        Self.note(1), Self.jump(0x15, 7, 0, 1), Instruction(0x06, immediate: -3), Self.move(0, 0),
        Self.exit,
      ])
  }

  // MARK: Numbers

  @Test func waysThatDifferMakeANumberUnknown() {
    func code(_ second: Int) -> [Instruction] {
      [
        Self.move(2, 1), Self.jump(0x15, 7, 0, 1), Self.move(2, second), Self.jump(0x15, 2, 1, 1),
        Self.note(1), Self.move(0, 0), Self.exit,
      ]
    }
    #expect(Self.fold(code(1)) == [Self.move(0, 0), Self.exit])
    #expect(Self.fold(code(2)) == code(2))
  }

  @Test func aNumberThatALoopChangesIsUnknown() {
    let code = [
      Self.move(2, 0), Self.note(1), Instruction(0x07, 2, immediate: 1),
      Self.jump(0xa5, 2, 10, -3), Self.move(0, 0), Self.exit,
    ]
    #expect(Self.fold(code) == code)
  }

  @Test func aWayThatIsNeverTakenDoesNotCount() {
    let code =
      Self.pointer(1) + [
        Self.byte(3, 1, 0), Self.move(2, 1), Self.jump(0x15, 3, 0, 1), Self.move(2, 7),
        Self.jump(0x15, 2, 1, 1), Self.note(1), Self.move(0, 0), Self.exit,
      ]
    #expect(Self.fold(code) == [Self.move(0, 0), Self.exit])
  }

  /// What an instruction makes of two numbers, as the kernel's documents have it.
  @Test(arguments: [
    // 32 bits: the upper half becomes 0, shifts count to 31, comparisons see 32 bits
    (UInt8(0x04), -1, 1, Int64(0)), (0x14, 0, 1, 0xffff_ffff), (0x24, 0x10000, 0x10000, 0),
    (0x34, -2, 2, 0x7fff_ffff), (0x94, 7, 0, 7), (0x34, 7, 0, 0), (0x64, 1, 33, 2),
    (0x74, -1, 28, 15), (0xc4, -16, 4, 0xffff_ffff), (0x84, 1, 0, 0xffff_ffff),
    (0xb4, 5, -1, 0xffff_ffff), (0x54, -1, -16, 0xffff_fff0), (0x44, 1, 2, 3), (0xa4, 3, 1, 2),
    // 64 bits: immediates are extended with their sign
    (0x07, -1, 1, 0), (0x17, 0, 1, -1), (0x27, 3, -1, -3), (0x37, -1, 2, Int64.max),
    (0x97, 7, 4, 3), (0x97, 7, 0, 7), (0x37, 7, 0, 0), (0x67, 1, 65, 2), (0x77, -1, 60, 15),
    (0xc7, -16, 4, -1), (0x87, 1, 0, -1), (0xb7, 5, -1, -1), (0x57, -1, -16, -16), (0x47, 1, 2, 3),
    (0xa7, 3, -1, -4),
  ]) func arithmetic(code: UInt8, first: Int, second: Int, result: Int64) {
    var registers = KnownRegisters()
    registers.setNumber(2, UInt64(bitPattern: Int64(first)))
    registers.setNumber(3, UInt64(bitPattern: Int64(second)))
    var other = registers
    registers.run(
      Instruction(code, 2, immediate: second), next: nil, constants: Self.constants)
    #expect(registers.number(2) == UInt64(bitPattern: result))
    // The same with a register, where there is such an instruction.
    guard code >> 4 != Instruction.Operation.negate else { return }
    other.run(Instruction(code | 8, 2, 3), next: nil, constants: Self.constants)
    #expect(other.number(2) == UInt64(bitPattern: result))
  }

  @Test func whatIsNotComputedIsUnknown() {
    // Division and move with a sign, bytes swapped: an offset or an operation of their own.
    for instruction in [
      Instruction(0x37, 2, offset: 1, immediate: 2), Instruction(0xbf, 2, 3, offset: 8),
      Instruction(0xbc, 2, 3, offset: 16), Instruction(0xdc, 2, immediate: 16),
      Instruction(0xd4, 2, immediate: 16), Instruction(0xd7, 2, immediate: 64),
    ] {
      var registers = KnownRegisters()
      registers.setNumber(0, 1)
      registers.setNumber(2, 0x8080)
      registers.setNumber(3, 0x8080)
      registers.run(instruction, next: nil, constants: Self.constants)
      #expect(registers.number(2) == nil, "\(instruction)")
    }
  }

  @Test(arguments: [
    (UInt8(0x15), -1, -1, true), (0x55, -1, -1, false), (0x25, -1, 1, true), (0x65, -1, 1, false),
    (0xa5, 1, -1, true), (0xc5, 1, -1, false), (0x35, 2, 2, true), (0x75, -2, -1, false),
    (0xb5, 2, 2, true), (0xd5, -2, -1, true), (0x45, 6, 1, false), (0x45, 6, 2, true),
    // 32 bits of the number
    (0x16, 0x1_0000_0000, 0, true), (0x56, 0x1_0000_0005, 5, false), (0x66, 0xffff_ffff, 0, false),
    (0x26, 0xffff_ffff, 0, true), (0xc6, 0xffff_ffff, 0, true),
  ]) func conditions(code: UInt8, first: Int, second: Int, isMet: Bool) {
    var registers = KnownRegisters()
    registers.setNumber(2, UInt64(bitPattern: Int64(first)))
    #expect(registers.decide(Self.jump(code, 2, second, 1)) == isMet)
    #expect(registers.decide(Instruction(code | 8, 2, 3, offset: 1)) == nil)
    registers.setNumber(3, UInt64(bitPattern: Int64(second)))
    #expect(registers.decide(Instruction(code | 8, 2, 3, offset: 1)) == isMet)
  }

  @Test(arguments: [
    (UInt8(0x71), 2, UInt64(0xff)), (0x91, 2, UInt64.max), (0x69, 8, 0xfffe),
    (0x61, 8, 0xffff_fffe), (0x79, 16, 0x0807_0605_0403_0201), (0x79, 20, nil), (0x71, -1, nil),
  ]) func loads(code: UInt8, at: Int, value: UInt64?) {
    var registers = KnownRegisters()
    registers.setPointer(1, 0)
    registers.run(Instruction(code, 2, 1, offset: at), next: nil, constants: Self.constants)
    #expect(registers.number(2) == value)
  }

  @Test func aConstantThatIsUsedBecomesANumber() {
    func code(_ load: Instruction) -> [Instruction] {
      Self.pointer(1) + [load, Instruction(0x7b, 6, 2), Self.move(0, 0), Self.exit]
    }
    let end = [Instruction(0x7b, 6, 2), Self.move(0, 0), Self.exit]
    #expect(Self.fold(code(Self.byte(2, 1, 2))) == [Self.move(2, 255)] + end)
    #expect(Self.fold(code(Instruction(0x79, 2, 1, offset: 8))) == [Self.move(2, -2)] + end)
    #expect(
      Self.fold(code(Instruction(0x61, 2, 1, offset: 8)))
        == [Instruction(0xb4, 2, immediate: -2)] + end)
    let wide = [
      Instruction(0x18, 2, immediate: 0x0403_0201), Instruction(0, immediate: 0x0807_0605),
    ]
    #expect(Self.fold(code(Instruction(0x79, 2, 1, offset: 16))) == wide + end)
  }

  @Test func otherMapsAreNotRead() {
    let code =
      Self.pointer(1, map: 2) + [
        Self.byte(2, 1, 0), Self.jump(0x15, 2, 0, 1), Self.note(1), Self.move(0, 0), Self.exit,
      ]
    #expect(Self.fold(code) == code)
  }

  @Test func anAddressIsNotNull() {
    // A function that this kernel has, and one that it does not have.
    for (pseudo, left) in [(3, [Self.note(1)]), (0, [])] {
      let code = [
        Instruction(0x18, 2, pseudo), Instruction(0), Self.jump(0x15, 2, 0, 1), Self.note(1),
        Self.move(0, 0), Self.exit,
      ]
      #expect(Self.fold(code) == left + [Self.move(0, 0), Self.exit])
    }
  }

  // MARK: Calls

  @Test func aCallLeavesSixRegistersToOthers() {
    for register in 0...9 {
      let isLost = register <= 5
      let code = [
        Self.move(register, 1), Self.helper(5), Self.jump(0x15, register, 1, 1), Self.note(1),
        Self.move(0, 0), Self.exit,
      ]
      let folded = Self.fold(code)
      #expect((folded?.contains(Self.note(1)) == true) == isLost, "r\(register)")
    }
  }

  /// The arguments of a helper, as linux/bpf.h has them; five of what is not known.
  @Test(arguments: [
    (35, 0), (125, 0), (1, 2), (113, 3), (115, 3), (127, 3), (147, 3), (141, 4), (181, 4), (191, 5),
    (5, 5),
  ]) func argumentsAndResultsStay(helper: Int, count: Int) {
    let arguments = (1...5).map { Self.move($0, $0) }
    let code = arguments + [Self.move(8, 3), Self.helper(helper), Self.move(3, 4), Self.exit]
    #expect(Self.fold(code) == arguments.prefix(count) + [Self.helper(helper), Self.exit])
    // Of the program's own functions and the kernel's, all.
    let call = Instruction(0x85, 0, 2, immediate: helper)
    #expect(Self.fold(arguments + [call, Self.exit]) == arguments + [call, Self.exit])
  }

  @Test func atomicsSetWhatTheyFetch() {
    // r2 = the old value: unknown, and used
    let exchange = Instruction(0xdb, 6, 2, immediate: 0xe1)
    let compare = Instruction(0xdb, 6, 3, immediate: 0xf1)
    let code = [
      Self.move(2, 1), exchange, Self.jump(0x15, 2, 1, 3), Self.move(0, 2), Self.move(3, 4),
      compare, Self.exit,
    ]
    // Without the jump, r0 would have no value on one way.
    #expect(Self.fold(code) == code)
  }

  @Test func functionsThatNobodyNamesGo() throws {
    // 0: main calls A if a constant says so, gives B to a helper, and never C
    let code =
      Self.pointer(9) + [
        Self.byte(2, 9, 0), Self.jump(0x15, 2, 0, 1),
        Instruction(0x85, 0, 1, immediate: 5),  // 4: A, at 10
        Instruction(0x18, 2, 4, immediate: 6), Instruction(0),  // 5: B, at 12
        Self.helper(181), Self.move(0, 0), Self.exit,
        Self.move(0, 1), Self.exit,  // 10: A
        Self.note(2), Instruction(0x85, 0, 1, immediate: 1), Self.exit,  // 12: B calls D, at 15
        Self.note(4), Self.move(0, 4), Self.exit,  // 15: D
        Self.note(3), Self.move(0, 3), Self.exit,  // 18: C
      ]
    let program = Self.program(code, functions: [0, 10, 12, 15, 18])
    let folded = try #require(program.folded(Self.constants))
    #expect(
      Instruction.list(folded.instructions) == [
        Instruction(0x18, 2, 4, immediate: 4), Instruction(0), Self.helper(181), Self.move(0, 0),
        Self.exit,
        Self.note(2), Instruction(0x85, 0, 1, immediate: 1), Self.exit,
        Self.note(4), Self.move(0, 4), Self.exit,
      ])
    #expect(
      folded.functions.withUnsafeBytes { Array($0.bindMemory(to: UInt32.self)) }
        == [0, 100, 5, 102, 8, 103])
  }

  @Test func whatIsNotUnderstoodIsLeftAlone() {
    let end = [Self.move(0, 0), Self.exit]
    let strange: [[Instruction]] = [
      [],
      [Instruction(0x20)] + end,  // a packet's bytes
      [Instruction(0x8d, 1)] + end,  // a call by register
      [Instruction(0x0d, 1)] + end,  // a jump by register
      [Instruction(0xdb, 1, 2, immediate: 0x100)] + end,  // load-acquire
      [Instruction(0xbf, 1, 2, offset: 1)] + end,  // another address space
      [Self.always(7)] + end, [Self.always(-9)] + end,
      [Self.always(1), Instruction(0x18, 1), Instruction(0)] + end,  // into a wide load
      [Instruction(0x18, 1)], [Self.move(0, 0)],
    ]
    for code in strange { #expect(Self.fold(code) == nil, "\(code)") }
  }
}
