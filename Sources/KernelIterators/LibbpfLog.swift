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

  /// The end of what was said: of the verifier's log, if there is one, else of libbpf's own lines.
  static func lastLines(of log: String, count: Int = 8) -> [String] {
    let lines = log.split(separator: "\n")
    let begin = lines.lastIndex { $0.contains("-- BEGIN PROG LOAD LOG --") }
    let end = lines.lastIndex { $0.contains("-- END PROG LOAD LOG --") }
    guard let begin, let end, begin < end else { return lines.suffix(count).map(String.init) }
    // Its very last line counts instructions.
    return lines[(begin + 1)..<end].filter { !$0.hasPrefix("processed ") }.suffix(count)
      .map(String.init)
  }
}
