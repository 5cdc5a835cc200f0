import CLibbpf
import Glibc
import Synchronization

/// What libbpf prints, kept instead of shown: its lines confuse who has not asked for them.
enum LibbpfLog {
  private static let lines = Mutex<[String]>([])
  /// The verifier may say megabytes; the reason is at the end.
  private static let longestMessage = 16 << 10

  /// Sends libbpf's messages here from now on.
  static func capture() {
    libbpf_set_print { level, format, arguments in
      guard level != LIBBPF_DEBUG, let format, let arguments else { return 0 }
      // SAFETY: libbpf's format fits its arguments; the text ends with a NUL and is freed here.
      guard let text = kiter_format(format, arguments) else { return 0 }
      defer { free(text) }
      let message = String(cString: text).suffix(LibbpfLog.longestMessage)
      LibbpfLog.lines.withLock { $0.append(String(message)) }
      return 0
    }
  }

  /// What has been said since the last call.
  static func take() -> String {
    lines.withLock { lines in
      defer { lines.removeAll() }
      return lines.joined()
    }
  }
}
