import Glibc

/// `sleep`: a process that does nothing.
func idle(_ arguments: [String]) throws -> KnownState {
  KnownState(facts: [
    "ppid": .number(getppid()), "pgid": .number(getpgid(0)), "sid": .number(getsid(0)),
    "uid": .number(getuid()), "gid": .number(getgid()),
    "exe_hex": .hex(try linkTarget("/proc/self/exe")),
    "cwd_hex": .hex(try linkTarget("/proc/self/cwd")),
    "command_line_hex": .hex(ownCommandLine()),
  ])
}

/// `names HEX`: runs itself again so that the bytes are in its arguments, then in its name.
func renamed(_ arguments: [String]) throws -> KnownState {
  guard let digits = arguments.first, let raw = bytes(hexadecimal: digits), !raw.contains(0) else {
    throw UsageError(expected: "hexadecimal digits of bytes other than 00")
  }
  try executeSelf([Array("kiter-fixture".utf8), Array("named".utf8), Array(digits.utf8), raw])
}

/// `named HEX BYTES`: the second half of `names`, since exec sets the name again.
func keepName(_ arguments: [String]) throws -> KnownState {
  guard let digits = arguments.first, let raw = bytes(hexadecimal: digits) else {
    throw UsageError(expected: "what `names` passes")
  }
  try setName(raw)
  let commandLine = ["kiter-fixture", "named", digits].map { Array($0.utf8) } + [raw]
  return KnownState(facts: [
    "comm_hex": .hex(raw.prefix(15)),
    "command_line_hex": .hex(Array(commandLine.map { $0 + [0] }.joined())),
  ])
}

/// `cmdline BYTES`: runs itself again with arguments of that many bytes, their NULs counted.
func longCommandLine(_ arguments: [String]) throws -> KnownState {
  let size = try number(arguments, at: 0)
  let head = ["kiter-fixture", "sized"].map { Array($0.utf8) }
  let rest = size - head.reduce(0) { $0 + $1.count + 1 }
  guard rest >= 2 else { throw UsageError(expected: "at least 22 bytes") }
  try executeSelf(head + padding(rest))
}

/// Arguments of `size` bytes, NULs counted, each numbered so that a hole or a swap is seen.
private func padding(_ size: Int) -> [[UInt8]] {
  let longest = 1000
  var result: [[UInt8]] = []
  var rest = size
  while rest > 0 {
    // A last argument of no bytes is legal, and a remainder of one byte becomes just that.
    let length = min(rest, longest) - 1
    let text = Array("\(result.count):".utf8) + [UInt8](repeating: 0x78, count: longest)
    result.append(Array(text.prefix(length)))
    rest -= length + 1
  }
  return result
}

/// `sized ARGUMENT...`: the second half of `cmdline`.
func keepCommandLine(_ arguments: [String]) throws -> KnownState {
  let commandLine: [UInt8] = ownCommandLine()
  return KnownState(facts: [
    "bytes": .number(commandLine.count), "arguments": .number(CommandLine.arguments.count),
    "command_line_hex": .hex(commandLine),
  ])
}

/// `longpath`: an open file and a working directory whose paths nearly reach PATH_MAX.
func longPath(_ arguments: [String]) throws -> KnownState {
  let directory = try TemporaryDirectory()
  let target = 4000
  let component = String(repeating: "d", count: 199)
  var path = directory.path
  while path.utf8.count + 1 + component.utf8.count + 2 <= target {
    path += "/" + component
    try check("mkdir", mkdir(path, 0o700))
  }
  let name = String(repeating: "f", count: target - path.utf8.count - 1)
  let file = try openFile("\(path)/\(name)", O_CREAT | O_RDWR)
  try check("chdir", chdir(path))
  return KnownState(
    facts: [
      "fd": .number(file), "path": .string("\(path)/\(name)"), "cwd": .string(path),
      "path_bytes": .number(path.utf8.count + 1 + name.utf8.count),
    ],
    resources: [directory])
}

/// The arguments of this process as the kernel keeps them, each with its NUL.
private func ownCommandLine() -> [UInt8] {
  Array(CommandLine.arguments.map { Array($0.utf8) + [0] }.joined())
}
