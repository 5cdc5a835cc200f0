import CLibbpf
import Glibc

/// What a number stands for in the reader's pid namespace.
public enum ProcessStatus: Sendable, Equatable {
  /// A process.
  case process
  /// A thread that is not its process's first.
  case thread
  /// Nothing.
  case none

  /// Asks the kernel (pidfd_open(2), Linux 5.3).
  public init(pid: UInt32) {
    guard let number = Int32(exactly: pid), number > 0 else {
      self = .none
      return
    }
    let descriptor = kiter_pidfd_open(number, 0)
    if descriptor >= 0 {
      close(descriptor)
      self = .process
    } else {
      // A thread's number is refused as such (EINVAL, later ENOENT) but takes signals.
      self = kill(number, 0) == 0 || errno == EPERM ? .thread : .none
    }
  }
}
