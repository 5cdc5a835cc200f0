// What glibc has and Swift's `Glibc` module lacks; the C and the Swift calling conventions agree for
// integers and pointers.
import Glibc

@_silgen_name("fork") func linuxFork() -> pid_t
@_silgen_name("prctl") func linuxPrctl(
  _ option: Int32, _ a: UInt, _ b: UInt, _ c: UInt, _ d: UInt
) -> Int32
@_silgen_name("unshare") func linuxUnshare(_ flags: Int32) -> Int32
@_silgen_name("closefrom") func linuxCloseFrom(_ first: Int32)
@_silgen_name("setns") func linuxSetns(_ descriptor: Int32, _ kind: Int32) -> Int32
@_silgen_name("pipe2") func linuxPipe(_ ends: UnsafeMutablePointer<Int32>, _ flags: Int32) -> Int32
@_silgen_name("wait4") func linuxWait(
  _ pid: pid_t, _ status: UnsafeMutablePointer<Int32>, _ options: Int32,
  _ usage: UnsafeMutablePointer<rusage>
) -> pid_t
@_silgen_name("getdents64") func linuxDirectoryEntries(
  _ descriptor: Int32, _ buffer: UnsafeMutableRawPointer, _ size: Int
) -> Int
@_silgen_name("openat") func linuxOpenAt(
  _ directory: Int32, _ path: UnsafePointer<CChar>, _ flags: Int32, _ mode: UInt32
) -> Int32

/// Constants of the Linux ABI that the module does not import.
enum Linux {
  static let prSetDeathSignal: Int32 = 1
  static let prSetChildSubreaper: Int32 = 36
  static let cloneNewMount: Int32 = 0x2_0000
  static let cloneNewNetwork: Int32 = 0x4000_0000
  static let mountRecursivePrivate: UInt = 0x4000 | 0x4_0000
}

/// What stops the benchmark, or a case of it.
struct BenchError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// The result of a C call, or its errno as an error when the call answered -1.
@discardableResult
func check<Result: FixedWidthInteger>(_ call: String, _ result: Result) throws -> Result {
  guard result == -1 else { return result }
  // SAFETY: strerror returns a NUL-terminated string, copied at once.
  throw BenchError("\(call): \(String(cString: strerror(errno)))")
}

/// Both ends of a new pipe, closed on exec.
func makePipe() throws -> (read: Int32, write: Int32) {
  var ends: [Int32] = [-1, -1]
  // SAFETY: pipe2 writes two descriptors into an array of two.
  try check("pipe2", linuxPipe(&ends, O_CLOEXEC))
  return (ends[0], ends[1])
}

/// The whole of a file, or of what comes through a pipe until its end.
func contents(of descriptor: Int32) -> [UInt8] {
  var result: [UInt8] = []
  readPieces(of: descriptor) { result.append(contentsOf: $0) }
  return result
}

/// The text of a file; nil if it cannot be opened.
func text(_ path: String) -> String? {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return nil }
  defer { close(file) }
  return String(decoding: contents(of: file), as: UTF8.self)
}

/// Reads to the end, through one buffer.
func readPieces(of descriptor: Int32, _ body: (UnsafeRawBufferPointer) -> Void) {
  // SAFETY: the buffer is freed at the end, and no piece is kept by `body`.
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
  defer { buffer.deallocate() }
  while true {
    let count = read(descriptor, buffer.baseAddress, buffer.count)
    if count > 0 { body(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
    if count == 0 || (count < 0 && errno != EINTR) { return }
  }
}

/// Writes all of a text, to a file that is made or replaced.
func writeFile(_ path: String, _ text: String) throws {
  let file = try check("open \(path)", open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644))
  defer { close(file) }
  try writeAll(text, to: file, name: path)
}

/// Writes all of a text.
func writeAll(_ text: String, to descriptor: Int32, name: String) throws {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    // SAFETY: the buffer is valid during the call and its length is passed.
    let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    rest = rest.dropFirst(try check("write \(name)", written))
  }
}

/// Says a line on standard error: what the benchmark does now, or leaves out.
func say(_ line: String) {
  try? writeAll("bench: \(line)\n", to: STDERR_FILENO, name: "standard error")
}

/// Nanoseconds of the clock that never jumps.
func nanoseconds() -> UInt64 {
  var time = timespec()
  // SAFETY: clock_gettime fills the structure.
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
