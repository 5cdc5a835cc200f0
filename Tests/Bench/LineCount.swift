import Glibc

/// Which lines of a command's output are objects.
struct LineCount: Sendable {
  /// Lines of titles before the objects.
  let titles: Int
  /// Is this line, split at white space, one of the objects to count?
  let isCounted: @Sendable ([Substring.UTF8View]) -> Bool

  /// All lines but the titles.
  static func all(titles: Int) -> LineCount { LineCount(titles: titles) { _ in true } }

  /// Lines without a certain word.
  static func without(_ word: String, titles: Int) -> LineCount {
    LineCount(titles: titles) { words in !words.contains { $0.elementsEqual(word.utf8) } }
  }

  /// Lines with a certain word.
  static func with(_ word: String) -> LineCount {
    LineCount(titles: 0) { words in words.contains { $0.elementsEqual(word.utf8) } }
  }

  /// Lines of JSON that begin with the number of one of these processes.
  static func json(of pids: [Int32]) -> LineCount {
    let starts = Set(pids.map { "{\"pid\":\($0)" })
    return LineCount(titles: 0) { words in
      let start = words.first?.prefix { $0 != 0x2c }
      return start.flatMap { String($0) }.map(starts.contains) ?? false
    }
  }

  /// Lines whose word at `place` starts with a digit, and, if a name is given, whose word at `at` is
  /// that name: the descriptors among what lsof and lsfd list, which have more rows than those.
  static func numbered(at place: Int, name: String? = nil, at namePlace: Int = 0) -> LineCount {
    LineCount(titles: 0) { words in
      guard words.count > max(place, namePlace), let first = words[place].first else {
        return false
      }
      return (0x30...0x39).contains(first)
        && (name.map { words[namePlace].elementsEqual($0.utf8) } ?? true)
    }
  }

  /// The number of objects in a text.
  func count(in text: String) -> Int {
    var counter = LineCounter(self)
    var text = text
    // SAFETY: the bytes are read during the call.
    text.withUTF8 { counter.add(UnsafeRawBufferPointer($0)) }
    return counter.total()
  }

  /// The number of objects that a command prints.
  ///
  /// - Throws: if the command fails.
  func count(_ command: Command) throws -> Int {
    var counter = LineCounter(self)
    try command.read { counter.add($0) }
    return counter.total()
  }
}

/// Counts lines as they come, so that no output is ever held as a whole.
private struct LineCounter {
  private let rule: LineCount
  private var line = ""
  private var lines = 0
  private var counted = 0

  init(_ rule: LineCount) { self.rule = rule }

  mutating func add(_ piece: UnsafeRawBufferPointer) {
    var rest = piece[...]
    while let end = rest.firstIndex(of: 0x0a) {
      line += String(decoding: rest[..<end], as: UTF8.self)
      finishLine()
      rest = rest[(end + 1)...]
    }
    line += String(decoding: rest, as: UTF8.self)
  }

  /// The count; a last line without its end is one too.
  mutating func total() -> Int {
    if !line.isEmpty { finishLine() }
    return counted
  }

  private mutating func finishLine() {
    defer { line = "" }
    lines += 1
    guard lines > rule.titles else { return }
    let words = line.utf8.split { $0 == 0x20 || $0 == 0x09 }
    if rule.isCounted(words) { counted += 1 }
  }
}
