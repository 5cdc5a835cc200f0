import Glibc
import RecordQuery
import RecordSchema

/// Reads statements from standard input, each up to its semicolon, and commands that begin with a
/// dot.
struct SQLShell {
  let tables: [QueryTable]
  /// Answers one statement; says itself what is wrong.
  let answer: (String) throws -> Void

  private var isInteractive: Bool { isatty(STDIN_FILENO) == 1 }

  /// Reads until the end of the input.
  ///
  /// - Returns: false if a statement of a pipe failed.
  func run() -> Bool {
    var statement = ""
    var isGood = true
    prompt(isFirst: true)
    while let line = readLine() {
      if statement.isEmpty && line.hasPrefix(".") {
        if line == ".quit" || line == ".exit" { break }
        isGood = command(line) && isGood
      } else {
        statement += (statement.isEmpty ? "" : "\n") + line
        if QueryDatabase.isComplete(statement) {
          isGood = ask(statement) && isGood
          statement = ""
        }
      }
      if statement.allSatisfy(\.isWhitespace) { statement = "" }
      prompt(isFirst: statement.isEmpty)
    }
    // A pipe's last statement needs no semicolon.
    if !statement.isEmpty { isGood = ask(statement) && isGood }
    return isGood || isInteractive
  }

  private func ask(_ statement: String) -> Bool {
    do {
      try answer(statement)
      return true
    } catch {
      return false
    }
  }

  private func prompt(isFirst: Bool) {
    guard isInteractive else { return }
    print(isFirst ? "kiter> " : "  ...> ", terminator: "")
    fflush(nil)
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
