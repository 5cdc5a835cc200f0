public import RecordSchema

/// How a table is laid out.
public struct TableStyle: Sendable {
  /// Columns of the terminal; nil: as wide as the rows are.
  public var width: Int?
  /// Titles above the columns.
  public var hasHeader = true
  /// Numbers without units.
  public var isRaw = false
  /// Are columns left out where the terminal has no room, and not cut at its edge?
  public var hidesColumns = true
  /// Colours, for a terminal that has them.
  public var isColored = false
  /// How the rows hang together; nil if they do not.
  public var tree: TreeDrawing?
  /// What the columns are at least wide, each; those that are not named have no least width.
  public var leastWidths: [Int] = []

  /// Creates the style of a plain table.
  public init(width: Int? = nil, hasHeader: Bool = true, isRaw: Bool = false) {
    self.width = width
    self.hasHeader = hasHeader
    self.isRaw = isRaw
  }
}

/// Writes a table for people: aligned columns, human units, nothing that speaks to the terminal.
///
/// Widths come from the first rows, 128 KiB of them, which are held back until then; a later cell
/// that is wider pushes its row's rest to the right. The last column is not padded.
public struct TableWriter: RecordWriter, ~Copyable {
  /// Text that is ready to go out.
  public var output = ByteBuffer()
  private var reader: ColumnReader
  private let style: TableStyle
  /// The cells held back: bytes of the text (four bytes), its width on the screen (three), its tone,
  /// the text.
  private var cells = ByteBuffer()
  private let titles: [Title]
  private var widths: [Int]
  /// What the columns would be wide on a terminal with room for all; known at the end.
  public private(set) var wantedWidths: [Int] = []
  private let isRight: [Bool]
  /// May the column be made narrower than its cells?
  private let isFlexible: [Bool]
  /// Does the column belong to those that are shown by default?
  private let isDefault: [Bool]
  private var isHidden: [Bool]
  private var firstShown = 0
  private var lastShown: Int
  private var isSettled = false
  /// Columns of the terminal that the row under way has not used.
  private var left = 0
  /// Rows that have been laid out.
  private var settledRows = 0

  private static var heldBytes: Int { 128 << 10 }
  private static var headerSize: Int { 8 }
  private static var widthBits: Int { 24 }

  /// Writes the projection's columns.
  public init(_ projection: Projection, host: HostFacts, style: TableStyle) {
    reader = ColumnReader(projection, host: host)
    self.style = style
    titles = projection.columns.map { Title(title(of: $0.field)) }
    widths = titles.map { style.hasHeader ? $0.width : 1 }
    for (index, least) in style.leastWidths.prefix(widths.count).enumerated() {
      widths[index] = max(widths[index], least)
    }
    isRight = projection.columns.map { isRightAligned($0.field.kind) }
    isFlexible = projection.columns.map { isText($0.field.kind) }
    isDefault = projection.columns.map(\.field.isDefault)
    isHidden = isDefault.map { _ in false }
    lastShown = isHidden.count - 1
  }

  /// What has been marked or left out so far.
  public var notes: OutputNotes { reader.notes }

  /// Appends nothing yet: the header waits for the widths.
  public mutating func begin() {}

  /// Appends a record as a row.
  public mutating func append(_ record: RawRecord, _ preamble: borrowing Preamble) {
    reader.notes.records += 1
    if isSettled && style.width == nil && !style.isColored { return appendRow(record, preamble) }
    let row = reader.notes.records - 1
    for index in 0..<reader.count {
      let start = cells.count
      cells.reserve(Self.headerSize)
      _ = cells.skip(Self.headerSize)
      let lead = style.tree?.append(row: row, column: index, to: &cells) ?? 0
      let cell = reader.append(index, of: record, preamble, to: &cells, isRaw: style.isRaw)
      let width = lead + cell.width
      let tone = style.isColored ? cell.tone(in: reader) : .plain
      cells.store(cells.count - start - Self.headerSize, at: start)
      cells.store(width | tone.rawValue << Self.widthBits, at: start + 4)
      if !isSettled && width > widths[index] { widths[index] = width }
    }
    if isSettled || cells.count >= Self.heldBytes { settle() }
  }

  /// Widths are known and no screen cuts anything: a row needs no second look.
  private mutating func appendRow(_ record: RawRecord, _ preamble: borrowing Preamble) {
    let count = reader.count
    let row = reader.notes.records - 1
    for index in 0..<count {
      if index > 0 { output.append("  ") }
      let start = output.count
      let lead = style.tree?.append(row: row, column: index, to: &output) ?? 0
      let cell = reader.append(index, of: record, preamble, to: &output, isRaw: style.isRaw)
      let width = lead + cell.width
      let padding = widths[index] - width
      if padding <= 0 { continue }
      if isRight[index] {
        output.insert(spaces: padding, at: start)
      } else if index + 1 < count {
        output.append(spaces: padding)
      }
    }
    output.append(UInt8(ascii: "\n"))
  }

  /// Appends the rows that are still held back.
  public mutating func end() { settle() }

  /// From here on the widths are what they are.
  private mutating func settle() {
    if !isSettled {
      isSettled = true
      wantedWidths = widths
      if let width = style.width {
        if style.hidesColumns { hideColumns(for: width) }
        fit(into: width)
      }
      if style.hasHeader { appendHeader() }
    }
    var at = 0
    var column = 0
    while at < cells.count {
      let length = cells.number(at: at)
      if column == 0 { beginRow() }
      let layout = cells.number(at: at + 4)
      let tone = isDimmed(settledRows) ? .plain : Tone(rawValue: layout >> Self.widthBits)
      appendCell(
        at + Self.headerSize, length, width: layout & (1 << Self.widthBits - 1), column: column,
        tone ?? .plain)
      at += Self.headerSize + length
      column = column + 1 == widths.count ? 0 : column + 1
      if column == 0 { endRow() }
    }
    cells.removeAll()
  }

  private func isDimmed(_ row: Int) -> Bool { style.tree?.isDimmed(row) ?? false }

  private mutating func beginRow() {
    if isDimmed(settledRows) { output.append("\u{1b}[2m") }
  }

  private mutating func endRow() {
    if isDimmed(settledRows) {
      // Before the newline: what follows is not dim.
      output.truncate(to: output.count - 1)
      output.append("\u{1b}[0m\n")
    }
    settledRows += 1
  }

  /// What the columns that are shown take, text with no more than 12 of its own.
  private var leastWidth: Int {
    widths.indices.filter { !isHidden[$0] }.reduce(-2) { sum, column in
      sum + 2 + (isFlexible[column] ? min(widths[column], 12) : widths[column])
    }
  }

  /// Hides columns until the others have room: from the right, first those that are not shown by
  /// default.
  private mutating func hideColumns(for width: Int) {
    let columns = widths.indices.reversed()
    for column in columns.filter({ !isDefault[$0] }) + columns.filter({ isDefault[$0] }) {
      let isOnly = isHidden.count { !$0 } == 1
      if leastWidth <= width || isOnly { break }
      isHidden[column] = true
    }
    firstShown = isHidden.firstIndex(of: false) ?? 0
    lastShown = isHidden.lastIndex(of: false) ?? 0
    reader.notes.hidden = widths.indices.filter { isHidden[$0] }.map { reader.names[$0] }
  }

  /// Takes what the screen lacks from the widest columns of text, down to 12 each.
  private mutating func fit(into width: Int) {
    let shown = widths.indices.filter { !isHidden[$0] }
    var excess = shown.reduce(-2) { $0 + 2 + widths[$1] } - width
    while excess > 0 {
      let texts = shown.filter { isFlexible[$0] && widths[$0] > 12 }
      guard let widest = texts.max(by: { widths[$0] < widths[$1] }) else { return }
      let next = texts.map { widths[$0] }.filter { $0 < widths[widest] }.max() ?? 12
      let cut = min(excess, max(1, widths[widest] - max(next, 12)))
      widths[widest] -= cut
      excess -= cut
    }
  }

  private mutating func appendHeader() {
    for (index, title) in titles.enumerated() {
      let start = cells.count
      cells.append(string: title.text)
      let tone = style.isColored ? Tone.title : .plain
      appendCell(start, cells.count - start, width: title.width, column: index, tone)
      cells.truncate(to: start)
    }
  }

  /// Appends the text that begins at `start` of `cells`, cut where its column or the terminal ends.
  private mutating func appendCell(
    _ start: Int, _ length: Int, width: Int, column: Int, _ tone: Tone
  ) {
    if isHidden[column] {
      if column == widths.count - 1 { output.append(UInt8(ascii: "\n")) }
      return
    }
    let gap = column == firstShown ? 0 : 2
    let isLast = column == lastShown
    var room = widths[column]
    if let screen = style.width {
      if column == firstShown { left = screen }
      room = min(room, left - gap)
      left = max(0, left - gap - max(0, room))
    }
    if room > 0 {
      let padding = max(0, room - width)
      output.append(spaces: isRight[column] ? gap + padding : gap)
      if tone != .plain { output.begin(tone) }
      if style.width != nil && width > room {
        let text = UnsafeRawBufferPointer(rebasing: cells.bytes[start..<start + length])
        output.append(text, cutTo: room)
      } else {
        output.append(cells, from: start, length)
      }
      if tone != .plain { output.endTone() }
      if !isLast && !isRight[column] { output.append(spaces: padding) }
    }
    if column == widths.count - 1 { output.append(UInt8(ascii: "\n")) }
  }
}

/// What was written of a cell.
private struct Cell {
  let plan: ColumnPlan
  let value: FieldValue
  /// Columns of the screen.
  let width: Int

  /// Unreadable is bad, absent is nothing; then what the value means, then the kind.
  func tone(in reader: borrowing ColumnReader) -> Tone {
    switch value {
    case .absent: .faint
    case .unreadable: .bad
    case .unsigned(let number) where plan.kind == .enumeration:
      reader.evaluator.verdict(of: number, plan).map(Tone.init) ?? .plain
    default: Tone(plan.kind)
    }
  }
}

extension ColumnReader {
  /// Appends the cell of column number `index`.
  @inline(__always)
  fileprivate mutating func append(
    _ index: Int, of record: RawRecord, _ preamble: borrowing Preamble,
    to buffer: inout ByteBuffer, isRaw: Bool
  ) -> Cell {
    let plan = plan(index)
    var value = value(index, plan, record, preamble)
    if case .absent = value {
      guard let number = evaluator.numberForName(plan, of: record) else {
        buffer.append(UInt8(ascii: "-"))
        return Cell(plan: plan, value: value, width: 1)
      }
      value = .unsigned(number)
    }
    var width = buffer.append(cell: value, plan, evaluator, isRaw: isRaw)
    if isCut(plan, value, record) {
      buffer.append("…")
      width += 1
    }
    return Cell(plan: plan, value: value, width: width)
  }
}

/// A column's title in a table: its own, or its name without the unit.
package func title(of field: Field) -> String {
  if let title = field.title { return title }
  var name = field.name
  for unit in ["_bytes", "_ns", "_us", "_ms", "_seconds"] where name.hasSuffix(unit) {
    name.removeLast(unit.count)
  }
  return name.uppercased()
}

/// A title as it is shown: a statement may name its columns anything, as the kernel does its tasks.
private struct Title {
  let text: String
  let width: Int

  init(_ title: String) {
    var shown = ByteBuffer()
    width = Array(title.utf8).withUnsafeBytes { shown.append(terminal: $0) }
    text = String(decoding: shown.bytes, as: UTF8.self)
  }
}

/// Numbers to the right, so that their sizes show; texts and opaque numbers to the left.
private func isRightAligned(_ kind: Kind) -> Bool {
  ByteBuffer.isNumber(kind)
}

/// Texts lose their end before an address loses a digit.
private func isText(_ kind: Kind) -> Bool {
  switch kind {
  case .text, .path, .arguments, .flags, .list, .hex, .json: true
  default: false
  }
}
