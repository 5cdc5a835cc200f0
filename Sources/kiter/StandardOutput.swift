import ArgumentParser
import Glibc
import KernelIterators

/// Writes all bytes to standard output.
func writeOutput(_ bytes: UnsafeRawBufferPointer) throws(OutputError) {
  var done = 0
  while done < bytes.count {
    let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
    // SAFETY: base address and count describe one readable buffer.
    let count = write(STDOUT_FILENO, rest.baseAddress, rest.count)
    if count < 0 && errno == EINTR { continue }
    if count < 0 { throw OutputError(code: errno) }
    done += count
  }
}

/// Writes a text to standard output.
func writeOutput(_ text: String) throws {
  try Array(text.utf8).withUnsafeBytes { try writeOutput($0) }
}

/// Why nothing can be written to standard output.
struct OutputError: Error, CustomStringConvertible {
  let code: Int32

  var description: String { "writing the output failed: \(errorText(code))" }
}

/// Has the process fail if what print(_:) has kept back cannot be written in the end: exit(3) would
/// not say so.
func failIfOutputIsLost() {
  atexit {
    if fflush(nil) == 0 || errno == EPIPE { return }
    report("\(OutputError(code: errno))")
    _exit(ExitStatus.failed.rawValue)
  }
}
