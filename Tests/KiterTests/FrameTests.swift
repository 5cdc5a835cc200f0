import Testing

@testable import kiter

@Suite struct FrameTests {
  private func frame(
    _ columns: Int, _ rows: Int, lines: Int, title: String = "title", footer: String = "footer",
    isPrompt: Bool = false, hasMarks: Bool = false
  ) -> Frame {
    Frame(
      size: TerminalSize(columns: columns, rows: rows), title: title, footer: footer,
      isPrompt: isPrompt, header: Array("HEADER".utf8)[...],
      rows: (0..<lines).map {
        (line: Array("row \($0)".utf8)[...], mark: [.none, .new, .gone][$0 % 3])
      },
      hasMarks: hasMarks)
  }

  /// What stands in each line of the screen: the frame's places, and no attributes.
  private func lines(_ frame: Frame) -> [String] {
    let text = String(decoding: frame.bytes, as: UTF8.self)
    var lines: [String] = []
    for part in text.split(separator: "\u{1b}[K", omittingEmptySubsequences: false).dropFirst() {
      lines.append(String(part.replacing(#/\x1b\[[0-9;]*[mH]/#, with: "")))
    }
    return lines
  }

  @Test func fillsTheScreenAndNoMore() {
    #expect(lines(frame(20, 6, lines: 2)) == ["title", "HEADER", "row 0", "row 1", "", "footer"])
    #expect(lines(frame(20, 4, lines: 9)) == ["title", "HEADER", "row 0", "footer"])
    #expect(lines(frame(20, 2, lines: 9)) == ["title", "footer"])
    #expect(lines(frame(20, 1, lines: 9)) == ["footer"])
  }

  @Test func marksStandBeforeTheirRows() {
    let lines = lines(frame(20, 6, lines: 3, hasMarks: true))
    #expect(lines[1...] == ["  HEADER", "  row 0", "+ row 1", "- row 2", "footer"])
  }

  @Test func nothingSpeaksToTheTerminalOrLeavesIt() {
    let lines = lines(frame(12, 4, lines: 0, title: "a\u{1b}[2Jb", footer: "0123456789abc"))
    #expect(lines.first == #"a\x1b[2Jb"#)
    #expect(lines.last == "0123456789a…")
  }

  @Test func aLongPromptShowsItsEnd() {
    let lines = lines(frame(6, 3, lines: 0, footer: "/0123456789", isPrompt: true))
    #expect(lines.last == "56789")
  }
}
