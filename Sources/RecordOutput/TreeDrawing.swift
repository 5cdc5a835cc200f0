/// How the rows of a table hang together, drawn in front of one of its columns.
public struct TreeDrawing: Sendable {
  /// A row's place in the tree.
  public struct Line: Sendable, Equatable {
    /// The lines that lead to it.
    public let prefix: String
    /// Is it only there because of a row below it?
    public let isDimmed: Bool

    /// Describes a row.
    public init(prefix: String, isDimmed: Bool) {
      self.prefix = prefix
      self.isDimmed = isDimmed
    }
  }

  /// The number of the column.
  let column: Int
  /// A line for each row that is going to be written.
  let lines: [Line]
  /// May a line be dimmed, or does nobody see it?
  let canDim: Bool

  /// Draws lines in a column.
  public init(_ lines: [Line], column: Int, canDim: Bool) {
    self.lines = lines
    self.column = column
    self.canDim = canDim
  }

  /// Appends what stands before a cell.
  ///
  /// - Returns: its width on the screen.
  func append(row: Int, column: Int, to buffer: inout ByteBuffer) -> Int {
    guard column == self.column, row < lines.count else { return 0 }
    buffer.append(string: lines[row].prefix)
    // Each of its characters takes one column.
    return lines[row].prefix.unicodeScalars.count
  }

  func isDimmed(_ row: Int) -> Bool { canDim && row < lines.count && lines[row].isDimmed }
}
