import Glibc

/// A system call that failed.
struct SystemError: Error, CustomStringConvertible {
  let call: String
  let code: Int32

  // SAFETY: strerror returns a NUL-terminated string, copied at once; one thread uses it.
  var description: String { "\(call): \(String(cString: strerror(code)))" }
}

/// The arguments are not those that the state takes.
struct UsageError: Error {
  let expected: String
}

/// The result of a C call, or its errno as an error when the call answered -1.
@discardableResult
func check<Result: FixedWidthInteger>(
  _ call: String, _ result: Result
) throws(SystemError) -> Result {
  guard result == -1 else { return result }
  throw SystemError(call: call, code: errno)
}

/// The decimal number in `arguments` at `index`, or `default` when there are fewer arguments.
func number(_ arguments: [String], at index: Int, default fallback: Int? = nil) throws -> Int {
  if index >= arguments.count, let fallback { return fallback }
  guard index < arguments.count, let value = Int(arguments[index]), value >= 0 else {
    throw UsageError(expected: "a number as argument \(index + 1)")
  }
  return value
}

/// Writes a line to standard error.
func complain(_ message: String) {
  writeAll(message + "\n", to: STDERR_FILENO)
}

/// Writes all of `text`, as far as the descriptor takes it.
func writeAll(_ text: String, to descriptor: Int32) {
  writeAll(Array(text.utf8), to: descriptor)
}

/// Writes all of `bytes`, as far as the descriptor takes them.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
  var rest = bytes[...]
  while !rest.isEmpty {
    // SAFETY: the buffer is valid for the duration of the call and its length is passed.
    let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if written > 0 { rest = rest.dropFirst(written) } else if errno != EINTR { return }
  }
}

/// Opens a file.
func openFile(
  _ path: String, _ flags: Int32 = O_RDONLY, mode: mode_t = 0o600
) throws(SystemError) -> Int32 {
  try check("open \(path)", open(path, flags, mode))
}

/// Replaces the contents of a file such as those under /proc/self.
func writeFile(_ path: String, _ text: String) throws(SystemError) {
  let file = try openFile(path, O_WRONLY)
  defer { close(file) }
  // SAFETY: the text ends with a NUL and outlives the call.
  try check("write \(path)", text.withCString { write(file, $0, strlen($0)) })
}

/// The target of a symbolic link, as bytes.
func linkTarget(_ path: String) throws(SystemError) -> [UInt8] {
  var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
  // SAFETY: readlink writes at most the size that it is given.
  let length = target.withUnsafeMutableBytes { buffer -> Int in
    guard let base = buffer.baseAddress else { return -1 }
    return readlink(path, base.assumingMemoryBound(to: CChar.self), buffer.count)
  }
  return Array(target.prefix(try check("readlink \(path)", length)))
}

/// The inode number of a file; for a link under /proc, of what it leads to.
func inode(_ path: String) throws(SystemError) -> UInt {
  var status = stat()
  // SAFETY: stat fills the structure that it is given.
  try check("stat \(path)", stat(path, &status))
  return UInt(status.st_ino)
}

/// Both ends of a new pipe, closed on exec.
func makePipe(_ flags: Int32 = closeOnExec) throws(SystemError) -> (read: Int32, write: Int32) {
  var ends: [Int32] = [-1, -1]
  // SAFETY: pipe2 writes two descriptors into an array of two.
  try check("pipe2", linuxPipe(&ends, flags))
  return (ends[0], ends[1])
}

/// Replaces this program with another run of itself, whose arguments are raw bytes.
func executeSelf(_ arguments: [[UInt8]]) throws -> Never {
  // SAFETY: execv copies the strings; when it fails the process ends soon, so none is freed.
  var list = arguments.map { bytes in strdup(bytes.map { CChar(bitPattern: $0) } + [0]) }
  list.append(nil)
  execv("/proc/self/exe", list)
  throw SystemError(call: "execv", code: errno)
}

/// Calls prctl(2).
@discardableResult
func prctl(
  _ option: Int32, _ a: UInt = 0, _ b: UInt = 0, _ c: UInt = 0, _ d: UInt = 0
) throws(SystemError) -> Int32 {
  try check("prctl(\(option))", linuxPrctl(option, a, b, c, d))
}

/// Sets the name of this thread; the kernel keeps fifteen bytes.
func setName(_ name: [UInt8]) throws(SystemError) {
  // SAFETY: the array ends with a NUL and outlives the call.
  let result = (name + [0]).withUnsafeBytes {
    linuxPrctl(Linux.prSetName, UInt(bitPattern: $0.baseAddress), 0, 0, 0)
  }
  try check("prctl(PR_SET_NAME)", result)
}
