import CLibedit
import Glibc

/// Lines as a person edits them at a terminal, with completion and a history: libedit(3).
///
/// The history lasts as long as the program, unless a file was named for it.
final class LineEditor {
  private let historyPath: String?
  private let offers: (_ word: String, _ statement: String) -> [String]
  /// The lines before this one, of the same statement.
  private var begun = ""

  /// The words left to offer: libedit asks for one at a time, and its functions have no context.
  nonisolated(unsafe) private static var words: [String] = []
  nonisolated(unsafe) private static weak var current: LineEditor?

  /// Opens the editor; one at a time.
  ///
  /// - Parameters:
  ///   - historyPath: where lines are kept from one session to the next; nil for nowhere.
  ///   - offers: the words that an unfinished one, in what has been typed, may become.
  init(historyPath: String?, offers: @escaping (_ word: String, _ statement: String) -> [String]) {
    self.historyPath = historyPath
    self.offers = offers
    using_history()
    if let historyPath { read_history(historyPath) }
    Self.current = self
    kiter_edit_set_completion { word, _, _ in
      guard let word else { return nil }
      kiter_edit_offer_no_files()
      LineEditor.words = LineEditor.current?.words(for: String(cString: word)) ?? []
      return rl_completion_matches(word) { _, number in
        // A copy that libedit frees.
        LineEditor.words.indices.contains(Int(number)) ? strdup(LineEditor.words[Int(number)]) : nil
      }
    }
  }

  private func words(for word: String) -> [String] {
    offers(word, begun + (kiter_edit_line().map { String(cString: $0) } ?? ""))
  }

  /// Reads a line, behind those that its statement has begun with.
  ///
  /// - Parameters:
  ///   - prompt: what stands before it.
  ///   - begun: the lines before it, of the same statement.
  /// - Returns: nil at the end of the input.
  func line(_ prompt: String, after begun: String) -> String? {
    self.begun = begun
    guard let bytes = readline(prompt) else {
      print()
      return nil
    }
    defer { free(bytes) }
    let line = String(cString: bytes)
    if !line.allSatisfy(\.isWhitespace) { add_history(line) }
    return line
  }

  /// Writes the history to its file.
  ///
  /// - Returns: the cause, if that fails.
  func keepHistory() -> Int32? {
    guard let historyPath else { return nil }
    let code = write_history(historyPath)
    return code == 0 ? nil : code
  }
}
