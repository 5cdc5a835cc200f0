import Glibc
import RecordOutput
import Synchronization

/// The terminal while it is drawn on: an alternate screen, and keys as they are pressed.
///
/// More than one thread may put it back as it was; nothing is drawn after that.
final class RawTerminal: Sendable {
  private struct State {
    var isDrawnOn = false
    /// How it was; nil if standard input is no terminal.
    var settings: termios?
  }

  private let state = Mutex(State())

  /// Alternate screen, no cursor, no wrapping of long lines.
  private static var beginning: String { "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l\u{1b}[2J" }
  private static var ending: String { "\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l" }

  /// Takes the terminal over.
  func enter() {
    state.withLock { state in
      guard !state.isDrawnOn else { return }
      var settings = termios()
      if tcgetattr(STDIN_FILENO, &settings) == 0 {
        state.settings = settings
        // Control and C stays an interrupt.
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO | IEXTEN)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
      }
      state.isDrawnOn = true
      try? Self.write(Array(Self.beginning.utf8))
    }
  }

  /// Puts the terminal back as it was.
  ///
  /// - Parameter then: done before another thread can draw.
  /// - Returns: false if it was not taken over.
  @discardableResult
  func leave(then: () -> Void = {}) -> Bool {
    state.withLock { state in
      let wasDrawnOn = state.isDrawnOn
      if wasDrawnOn {
        try? Self.write(Array(Self.ending.utf8))
        if var settings = state.settings { tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) }
        state.isDrawnOn = false
      }
      then()
      return wasDrawnOn
    }
  }

  /// Draws, if the terminal is taken over.
  ///
  /// - Throws: `OutputError`.
  func draw(_ bytes: [UInt8]) throws {
    try state.withLock { if $0.isDrawnOn { try Self.write(bytes) } }
  }

  /// Says something at once: on the last line, or on stderr where nothing is drawn.
  func say(_ text: String) {
    let isDrawnOn = state.withLock { $0.isDrawnOn }
    guard isDrawnOn, let size = terminalSize() else { return report(text) }
    let line = terminalLine(text, width: size.columns)
    try? draw(Array("\u{1b}[\(size.rows);1H\u{1b}[K".utf8) + line)
  }

  private static func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try writeOutput($0) }
  }
}
