import RecordOutput
import RecordQuery
import RecordSchema

/// What of a table is on the screen and in which order, and how keys change it.
struct WatchView {
  /// What a key makes necessary.
  enum Effect: Equatable {
    case nothing, drawing, asking, quitting
  }

  /// Which rows, in which order.
  var query: RowQuery
  /// The columns, the first on the left.
  let columns: [Field]
  /// The first row that is seen.
  private(set) var top = 0
  /// The first column that is seen.
  private(set) var left = 0
  /// A filter that is being written.
  private(set) var prompt: String?
  /// Something to say until the next key.
  var message: String?

  init(_ query: RowQuery, columns: [Field]) {
    self.query = query
    self.columns = columns
  }

  /// Keeps the last page of rows on the screen when there are fewer.
  mutating func fit(rows: Int, page: Int) { top = max(0, min(top, rows - page)) }

  /// Does what a key stands for; `page` rows fit on the screen.
  mutating func take(_ key: Key, page: Int) -> Effect {
    message = nil
    if let prompt { return write(key, in: prompt) }
    switch key {
    case .character("q"): return .quitting
    case .character("s"): return sortByNext()
    case .character("r"):
      query.sort = query.sort.map { .init(column: $0.column, isDescending: !$0.isDescending) }
      return .asking
    case .character("/"): prompt = query.condition ?? ""
    case .up: top = max(0, top - 1)
    case .down: top += 1
    case .pageUp: top = max(0, top - page)
    case .pageDown: top += page
    case .home: top = 0
    case .end: top = .max
    case .left: left = max(0, left - 1)
    case .right: left = min(left + 1, columns.count - 1)
    case .refresh, .escape: break
    case .enter, .backspace, .erase, .character: return .nothing
    }
    return .drawing
  }

  private mutating func write(_ key: Key, in text: String) -> Effect {
    switch key {
    case .character(let character): prompt = text + String(character)
    case .backspace: prompt = String(text.dropLast())
    case .erase: prompt = ""
    case .escape: prompt = nil
    case .enter:
      prompt = nil
      query.condition = text.allSatisfy { $0 == " " } ? nil : text
      return .asking
    default: return .nothing
    }
    return .drawing
  }

  /// Sorts by the column behind the one that is sorted by; behind the last one comes no order.
  private mutating func sortByNext() -> Effect {
    let current = columns.firstIndex { $0.name == query.sort.first?.column }
    let next = current.map { $0 + 1 } ?? 0
    query.sort = columns[min(next, columns.count)...].prefix(1).map { column in
      // The largest are looked for, and the first of what has a name.
      .init(column: column.name, isDescending: column.kind.isAmount)
    }
    return .asking
  }

  /// What is shown, in words.
  func title(_ table: String, rows: Int, every seconds: String) -> String {
    var words = ["\(table): \(rows) \(rows == 1 ? "row" : "rows") every \(seconds)s"]
    if !query.sort.isEmpty {
      let keys = query.sort.map { $0.column + ($0.isDescending ? ":desc" : "") }
      words.append("by " + keys.joined(separator: ","))
    }
    if let condition = query.condition { words.append("where " + condition) }
    return words.joined(separator: "  ")
  }

  /// The line at the bottom.
  var footer: String {
    if let prompt { return "/" + prompt }
    return message ?? "q quit  s sort  r reverse  / filter  arrows scroll"
  }
}
