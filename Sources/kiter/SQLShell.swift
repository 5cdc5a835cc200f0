import Glibc
import KernelIterators
import RecordQuery
import RecordSchema

/// Reads statements from standard input, each up to its semicolon, and commands that begin with a
/// dot.
struct SQLShell {
  let tables: [QueryTable]
  /// Where a person's lines are kept from one session to the next; nil for nowhere.
  var historyPath: String?
  /// Answers one statement; says itself what is wrong.
  let answer: (String) throws -> Void

  static let commands = [".exit", ".help", ".quit", ".schema", ".tables"]

  /// Does a person type here, and see the prompt?
  private var isInteractive: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

  /// Reads until the end of the input.
  ///
  /// - Returns: false if a statement of a pipe failed.
  func run() -> Bool {
    guard isInteractive else { return answerAll { _ in readLine() } }
    let completion = SQLCompletion(tables)
    let editor = LineEditor(historyPath: historyPath, offers: completion.words)
    _ = answerAll { begun in
      editor.line(begun.isEmpty ? "kiter> " : "  ...> ", after: begun)
    }
    if let code = editor.keepHistory() { report("\(historyPath ?? ""): \(errorText(code))") }
    return true
  }

  /// Answers what the lines say.
  ///
  /// - Parameter nextLine: gives the next one, and is told the statement that has begun.
  /// - Returns: false if one failed.
  private func answerAll(_ nextLine: (String) -> String?) -> Bool {
    var statement = ""
    var isGood = true
    while let line = nextLine(statement) {
      if statement.isEmpty && line.hasPrefix(".") {
        if line == ".quit" || line == ".exit" { return isGood }
        isGood = command(line) && isGood
        continue
      }
      statement += (statement.isEmpty ? "" : "\n") + line
      if QueryDatabase.isComplete(statement) {
        isGood = ask(statement) && isGood
        statement = ""
      }
      if statement.allSatisfy(\.isWhitespace) { statement = "" }
    }
    // A pipe's last statement needs no semicolon.
    if !statement.isEmpty { isGood = ask(statement) && isGood }
    return isGood
  }

  private func ask(_ statement: String) -> Bool {
    do {
      try answer(statement)
      return true
    } catch {
      return false
    }
  }

  private func command(_ line: String) -> Bool {
    // Rows go out by write(2): what print(_:) keeps back must not come behind them.
    defer { fflush(nil) }
    let words = line.split(separator: " ")
    switch words.first {
    case ".tables": for table in tables { print(table.schema.name) }
    case ".schema":
      let wanted = words.dropFirst().first.map(String.init)
      let found = tables.filter { wanted == nil || $0.schema.name == wanted }
      guard !found.isEmpty else {
        report("sql: there is no table \"\(wanted ?? "")\"; .tables lists those that there are")
        return false
      }
      for table in found { printColumns(table.schema) }
    default:
      report("sql: .tables, .schema [NAME] and .quit are the commands; statements end with ;")
      return words.first == ".help"
    }
    return true
  }

  private func printColumns(_ schema: Schema) {
    print("\(schema.name): \(schema.summary)")
    printAligned(
      schema.columns.map { ["  " + $0.name, $0.kind.rawValue, $0.summary] })
  }
}
