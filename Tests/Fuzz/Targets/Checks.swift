import CSQLite
import Synchronization

/// What has to be true of all output.
enum Checks {
  private static let parser = Mutex(JSONParser())

  /// Is it valid JSON in UTF-8, by a parser that is none of ours?
  static func isJSON(_ text: [UInt8]) {
    let shown = isUTF8(text)
    if !parser.withLock({ $0.accepts(text) }) { finding("no JSON: \(shown)") }
  }

  /// Is it CSV (RFC 4180) in UTF-8, with so many values in every row?
  static func isCSV(_ text: [UInt8], columns: Int) {
    isUTF8(text)
    var values = 1
    var isQuoted = false
    for byte in text {
      switch (byte, isQuoted) {
      case (UInt8(ascii: "\""), _): isQuoted.toggle()
      case (UInt8(ascii: ","), false): values += 1
      case (UInt8(ascii: "\n"), false):
        if values != columns { finding("\(values) values of \(columns)") }
        values = 1
      default: break
      }
    }
    if isQuoted || values != 1 { finding("CSV that ends in a row") }
  }

  /// Does it tell the terminal nothing but its colours?
  static func isHarmless(_ text: [UInt8], isColored: Bool = false) {
    isUTF8(text)
    var rest = text[...]
    while let byte = rest.popFirst() {
      switch byte {
      case 0x1b where isColored: skipColor(&rest)
      case UInt8(ascii: "\n"), 0x20..<0x7f, 0x80...: break
      default: finding("the control character \(byte)")
      }
      // U+0080 to U+009F, of which some terminals take 9B for an escape.
      if byte == 0xc2, let next = rest.first, next < 0xa0 {
        finding("the control character \(next)")
      }
    }
  }

  /// Passes over `[ digits m`.
  private static func skipColor(_ rest: inout ArraySlice<UInt8>) {
    guard rest.popFirst() == UInt8(ascii: "[") else { finding("an escape that is no colour") }
    rest = rest.drop { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ";") }
    guard rest.popFirst() == UInt8(ascii: "m") else { finding("an escape that is no colour") }
  }

  @discardableResult
  private static func isUTF8(_ text: [UInt8]) -> String {
    guard let string = String(validating: text, as: UTF8.self) else { finding("invalid UTF-8") }
    return string
  }
}

/// SQLite's parser of JSON (RFC 8259).
private struct JSONParser: ~Copyable, @unchecked Sendable {
  // @unchecked: whoever uses it holds the mutex that it is in.
  private var database: OpaquePointer?
  private var statement: OpaquePointer?

  init() {
    let code = sqlite3_open(":memory:", &database)
    guard code == SQLITE_OK,
      sqlite3_prepare_v2(database, "SELECT json_valid(?1)", -1, &statement, nil) == SQLITE_OK
    else { finding("SQLite cannot check JSON") }
  }

  func accepts(_ text: [UInt8]) -> Bool {
    text.withUnsafeBytes { bytes in
      let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
      // SAFETY: the bytes live until the statement is reset; no destructor is called for them.
      sqlite3_bind_text(statement, 1, start, Int32(bytes.count), nil)
      defer { sqlite3_reset(statement) }
      return sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) == 1
    }
  }
}
