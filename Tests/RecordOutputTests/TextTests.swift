import RecordOutput
import RecordSchema
import TestRecords
import Testing

/// Texts and numbers as each form of output writes them, against the plainest way to do the same.
/// Writers take eight bytes at a time, so every byte is tried at every place of a text.
@Suite struct TextTests {
  /// A byte among others, at every place of texts of every length up to two words and a byte.
  private static func texts(with byte: UInt8) -> [[UInt8]] {
    (1...17).flatMap { length in
      (0..<length).map { place in
        (0..<length).map { $0 == place ? byte : UInt8(ascii: "a") + UInt8($0) }
      }
    }
  }

  private static func records(_ texts: [[UInt8]], _ field: String) -> [[UInt8]] {
    texts.map { RecordBuilder().tail(field, $0).record }
  }

  /// One line for each text.
  private static func lines(_ text: String) -> [Substring] {
    text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  @Test(arguments: 0...UInt8.max) func json(byte: UInt8) throws {
    let texts = Self.texts(with: byte)
    let written = try WriterTests.json(Self.records(texts, "name"), columns: ["name"])
    let expected = texts.map { #"{"name":""# + $0.map(Self.jsonEscape).joined() + #""}"# }
    #expect(Self.lines(written).dropLast().elementsEqual(expected) { String($0) == $1 })
  }

  @Test(arguments: 0...UInt8.max) func table(byte: UInt8) throws {
    let texts = Self.texts(with: byte)
    let style = TableStyle(hasHeader: false)
    let written = try WriterTests.table(Self.records(texts, "name"), columns: ["name"], style)
    let expected = texts.map { $0.map(Self.terminalEscape).joined() }
    #expect(Self.lines(written).dropLast().elementsEqual(expected) { String($0) == $1 })
  }

  @Test(arguments: 0...UInt8.max) func csv(byte: UInt8) throws {
    let texts = Self.texts(with: byte)
    let written = try WriterTests.csv(Self.records(texts, "name"), columns: ["name"])
    let expected = "name\n" + texts.map { Self.csvField($0) + "\n" }.joined()
    #expect(written.unicodeScalars.elementsEqual(expected.unicodeScalars))
  }

  @Test func argumentsHaveSpacesBetweenThem() throws {
    let texts = Self.texts(with: 0).filter { $0.last != 0 }
    let records = Self.records(texts, "arguments")
    let expected = texts.map { String(decoding: $0.map { $0 == 0 ? 32 : $0 }, as: UTF8.self) }
    let json = try WriterTests.json(records, columns: ["arguments"])
    #expect(
      Self.lines(json).dropLast().elementsEqual(expected) { $0 == #"{"arguments":""# + $1 + #""}"# }
    )
    let style = TableStyle(hasHeader: false)
    let table = try WriterTests.table(records, columns: ["arguments"], style)
    #expect(Self.lines(table).dropLast().elementsEqual(expected) { $0 == $1 })
    let csv = try WriterTests.csv(records, columns: ["arguments"])
    #expect(Self.lines(csv).dropFirst().dropLast().elementsEqual(expected) { $0 == $1 })
  }

  @Test func numbersOfEveryLength() throws {
    var numbers: [UInt64] = [0, .max]
    for shift in 0..<64 {
      let power = UInt64(1) << UInt64(shift)
      numbers += [power, power - 1, power &+ 1]
    }
    var power: UInt64 = 1
    while true {
      numbers += [power, power - 1, power + 1, power + power / 7]
      let (next, overflow) = power.multipliedReportingOverflow(by: 10)
      if overflow { break }
      power = next
    }
    let records = numbers.map {
      RecordBuilder().number("rss_bytes", $0).number("where", $0).record
    }
    let expected = numbers.map { number in
      let hexadecimal = String(number, radix: 16)
      let zeros = String(repeating: "0", count: 16 - hexadecimal.count)
      return "\(number),0x\(zeros)\(hexadecimal)"
    }
    let written = try WriterTests.csv(records, columns: ["rss_bytes", "where"])
    #expect(Self.lines(written).dropFirst().dropLast().elementsEqual(expected) { $0 == $1 })
  }

  private static func jsonEscape(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "\""): "\\\""
    case UInt8(ascii: "\\"): "\\\\"
    case UInt8(ascii: "\n"): "\\n"
    case UInt8(ascii: "\t"): "\\t"
    case 0x20..<0x7f: String(UnicodeScalar(byte))
    case 0x80...: privateCharacter(byte)
    default: "\\u00" + hexadecimal(byte)
    }
  }

  private static func terminalEscape(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "\n"): "\\n"
    case UInt8(ascii: "\t"): "\\t"
    case 13: "\\r"
    case 0x20..<0x7f: String(UnicodeScalar(byte))
    default: "\\x" + hexadecimal(byte)
    }
  }

  private static func csvField(_ text: [UInt8]) -> String {
    let plain = text.map { byte in
      byte == UInt8(ascii: "\"")
        ? "\"\"" : byte >= 0x80 ? privateCharacter(byte) : String(UnicodeScalar(byte))
    }.joined()
    let needsQuotes = text.contains {
      [10, 13, UInt8(ascii: "\""), UInt8(ascii: ",")].contains($0)
    }
    return needsQuotes ? "\"\(plain)\"" : plain
  }

  /// What stands for a byte that is not UTF-8: U+EF00 + byte.
  private static func privateCharacter(_ byte: UInt8) -> String {
    UnicodeScalar(0xef00 + UInt32(byte)).map { String($0) } ?? ""
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}
