import Glibc

/// Why a snapshot cannot be written or read.
public struct SnapshotError: Error, CustomStringConvertible, Equatable {
  /// The file.
  public let path: String
  /// What is wrong with it, and what to do next.
  public let message: String
  /// The system's error number, 0 if there is none.
  public let code: Int32

  /// Creates an error; the parameters are the properties.
  public init(_ path: String, _ message: String, code: Int32 = 0) {
    self.path = path
    self.message = message
    self.code = code
  }

  /// What was being done when a system call failed, and its error.
  init(_ path: String, failed action: String) {
    let code = errno
    self.init(path, "\(action) failed: \(String(cString: strerror(code)))", code: code)
  }

  /// What and why, on one line.
  public var description: String { "\(path): \(message)" }
}
