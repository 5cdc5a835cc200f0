import Glibc

/// `refuse NUMBERS CODE COMMAND …`: becomes a command to which a seccomp filter refuses system calls,
/// as those of containers do. The numbers have commas between.
func refuse(_ arguments: [String]) throws -> KnownState {
  let numbers = arguments.first?.split(separator: ",").compactMap { UInt32($0) } ?? []
  guard arguments.count > 2, !numbers.isEmpty, let code = UInt32(arguments[1]) else {
    throw UsageError(expected: "numbers of calls, an error number and a command")
  }
  let (noNewPrivileges, setFilter, byFilter): (Int32, Int32, UInt) = (38, 22, 2)
  try check("prctl", linuxPrctl(noNewPrivileges, 1, 0, 0, 0))
  let filter = seccompFilter(refusing: numbers, with: code)
  try filter.withUnsafeBytes { filter in
    // A struct sock_fprog: the number of instructions, and where they are.
    let program = [UInt(filter.count / 8), UInt(bitPattern: filter.baseAddress)]
    _ = try program.withUnsafeBytes {
      // SAFETY: the kernel copies the program and the instructions, which live during the call.
      try check("prctl", linuxPrctl(setFilter, byFilter, UInt(bitPattern: $0.baseAddress), 0, 0))
    }
  }
  var words = arguments.dropFirst(2).map { strdup($0) } + [nil]
  // SAFETY: a list of texts that ends with nil.
  execv(arguments[2], &words)
  throw SystemError(call: "execv \(arguments[2])", code: errno)
}

/// Instructions of the classic BPF (struct sock_filter): load the call's number, compare, return.
private func seccompFilter(refusing numbers: [UInt32], with code: UInt32) -> [UInt8] {
  func instruction(_ operation: UInt16, _ jumps: (UInt8, UInt8), _ operand: UInt32) -> [UInt8] {
    [UInt8(operation & 0xff), UInt8(operation >> 8), jumps.0, jumps.1]
      + (0..<4).map { UInt8(truncatingIfNeeded: operand >> ($0 * 8)) }
  }
  let (load, compare, answer): (UInt16, UInt16, UInt16) = (0x20, 0x15, 0x06)
  let (refusal, allowance): (UInt32, UInt32) = (0x5_0000, 0x7fff_0000)
  return instruction(load, (0, 0), 0)
    + numbers.flatMap { number in
      instruction(compare, (0, 1), number) + instruction(answer, (0, 0), refusal | code)
    } + instruction(answer, (0, 0), allowance)
}
