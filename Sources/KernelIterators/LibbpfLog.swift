import CLibbpf
import Glibc
import Synchronization

/// What libbpf prints, kept instead of shown: its lines confuse who has not asked for them.
enum LibbpfLog {
  private static let lines = Mutex<[String]>([])
  /// The verifier may say megabytes; its last lines tell the reason.
  private static let longestLine = 16 << 10

  /// Sends libbpf's messages here from now on.
  static func capture() {
    libbpf_set_print { level, format, arguments in
      guard level != LIBBPF_DEBUG, let format, let arguments else { return 0 }
      let text = String(unsafeUninitializedCapacity: LibbpfLog.longestLine) { buffer in
        // SAFETY: vsnprintf writes at most the buffer's size; libbpf's format fits its arguments.
        buffer.withMemoryRebound(to: CChar.self) {
          let count = Int(vsnprintf($0.baseAddress, $0.count, format, arguments))
          return max(0, min(count, $0.count - 1))
        }
      }
      LibbpfLog.lines.withLock { $0.append(text) }
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
