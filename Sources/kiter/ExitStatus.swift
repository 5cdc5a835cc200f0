import ArgumentParser
import Glibc
import KernelIterators
import RecordQuery
import RecordSchema
import RecordSnapshot

/// The exit codes that kiter promises (sysexits.h has the numbers above 63).
enum ExitStatus {
  static let failed = ExitCode(1)
  static let incomplete = ExitCode(3)
  static let usage = ExitCode(64)
  static let unsupported = ExitCode(69)
  static let notPermitted = ExitCode(77)

  /// The code for an error.
  static func code(for error: any Error) -> ExitCode {
    switch error {
    case let error as IteratorError:
      switch error.cause {
      case .unsupported: unsupported
      case .notPermitted: notPermitted
      case .incomplete: incomplete
      case .invalid: usage
      case .stuck, .failed: failed
      }
    case let error as SnapshotError where error.code == EACCES || error.code == EPERM: notPermitted
    case is UnknownColumn, is InvalidFilter, is QueryError, is UsageError: usage
    default: failed
    }
  }
}

/// Says something on stderr, on a line that names the program.
func report(_ message: String) {
  var line = Array("kiter: \(message)\n".utf8)
  line.withUnsafeMutableBytes { bytes in
    // SAFETY: base address and count describe one buffer. Nothing can be done if stderr is closed.
    while write(STDERR_FILENO, bytes.baseAddress, bytes.count) < 0 && errno == EINTR {}
  }
}
