import RecordOutput
import RecordQuery

/// What a screen shows at one time.
struct Frame {
  /// What has become of a row since the look before.
  enum Mark {
    case none, new, gone
  }

  let size: TerminalSize
  let title: String
  let footer: String
  /// Is a filter being written? Then the end of the footer is what matters.
  var isPrompt = false
  /// The line with titles; nil for none.
  let header: ArraySlice<UInt8>?
  let rows: [(line: ArraySlice<UInt8>, mark: Mark)]
  /// Is there room for marks?
  let hasMarks: Bool

  /// Columns that marks take.
  static var margin: Int { 2 }

  /// The bytes that draw it over whatever is there.
  var bytes: [UInt8] {
    var lines: [[UInt8]] = [styled("7", terminalLine(title, width: size.columns))]
    if let header { lines.append(styled("1", margin(" ") + header)) }
    lines += rows.map(line)
    // Where the screen is too low, the footer stays: it may be a prompt.
    lines = Array(lines.prefix(max(0, size.rows - 1)))
    while lines.count < size.rows - 1 { lines.append([]) }
    lines.append(terminalLine(visibleFooter, width: size.columns))
    // Each line is emptied before it is written: behind a full one, its last column would go.
    return lines.enumerated().flatMap { Array("\u{1b}[\($0 + 1);1H\u{1b}[K".utf8) + $1 }
  }

  /// A long prompt shows its end, where the next character comes.
  private var visibleFooter: String {
    guard isPrompt, footer.count >= size.columns else { return footer }
    return String(footer.suffix(max(0, size.columns - 1)))
  }

  private func line(_ row: (line: ArraySlice<UInt8>, mark: Mark)) -> [UInt8] {
    switch row.mark {
    case .none: margin(" ") + row.line
    case .new: styled("1", margin("+") + row.line)
    case .gone: styled("2", margin("-") + row.line)
    }
  }

  private func margin(_ mark: String) -> [UInt8] { hasMarks ? Array((mark + " ").utf8) : [] }

  /// Attributes and no colours: a monochrome terminal shows as much, and NO_COLOR has no say.
  private func styled(_ attribute: String, _ text: [UInt8]) -> [UInt8] {
    Array("\u{1b}[\(attribute)m".utf8) + text + Array("\u{1b}[m".utf8)
  }
}
