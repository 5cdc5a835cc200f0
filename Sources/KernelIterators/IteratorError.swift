import Glibc

/// Why an iterator could not be loaded, attached or read.
public struct IteratorError: Error, CustomStringConvertible {
  /// What was being done.
  public enum Stage: String, Sendable {
    case open = "opening the program"
    case load = "loading"
    case attach = "attaching"
    case start = "starting the walk"
    case read = "reading"
    case pin = "pinning"
    case openPin = "opening the pin"
  }

  /// What kind of failure it is; each has an exit code.
  public enum Cause: Sendable, Equatable {
    /// The kernel has no such iterator, or not what the program needs.
    case unsupported
    /// Capabilities are missing, or the kernel is locked down.
    case notPermitted
    /// The walk has made no progress for too long.
    case stuck
    /// The walk cannot go on: what it has not shown is lost.
    case incomplete
    /// What was asked for does not go together.
    case invalid
    /// Anything else.
    case failed
  }

  /// The table whose iterator it is.
  public var iterator: String
  /// What was being done.
  public var stage: Stage
  /// What kind of failure it is.
  public var cause: Cause
  /// The system's error number, 0 if there is none.
  public var code: Int32
  /// Why, and what to do next.
  public var advice: String
  /// What libbpf and the kernel's verifier said.
  public var log: String

  /// Creates an error; the parameters are the properties.
  public init(
    iterator: String, stage: Stage, cause: Cause, code: Int32 = 0, advice: String = "",
    log: String = ""
  ) {
    self.iterator = iterator
    self.stage = stage
    self.cause = cause
    self.code = code
    self.advice = advice
    self.log = log
  }

  /// What, why and what next, on one line.
  public var description: String {
    if cause == .invalid { return "\(iterator): \(advice)" }
    var text = "\(iterator): \(stage.rawValue) failed"
    // ESRCH of a load is libbpf's word for a missing type, and would speak of processes.
    if code != 0 && code != ESRCH { text += ": \(errorText(code))" }
    if !advice.isEmpty { text += "; \(advice)" }
    return text
  }
}

/// What strerror(3) says of an error number.
public func errorText(_ code: Int32) -> String {
  // SAFETY: strerror returns a valid C string that is copied at once; no other thread calls it.
  String(cString: strerror(code))
}
