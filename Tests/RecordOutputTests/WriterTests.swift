import Foundation
import RecordOutput
import RecordSchema
import TestRecords
import Testing

@Suite struct WriterTests {
  /// A record with a value in every column.
  static let full = RecordBuilder()
    .number("pid", 42).number("nice", UInt64(bitPattern: -5)).number("state", 2)
    .number("modes", 0x131).number("rss_bytes", 1_572_864)
    .number("where", 0xffff_8000_0000_1000).number("device", 8 << 20 | 1)
    .number("mode", 0o100_644).number("busy_ns", 1_234_567).number("is_new", 1)
    .address("address", [10, 0, 0, 1]).tail("name", Array("a \"b\"\n\u{1b}[31m\\".utf8) + [0xff])
    .tail("arguments", Array("sh\0-c\0x\0".utf8)).tail("groups", [4, 0, 0, 0, 9, 1, 0, 0])
    .number("uid", 1000).number("started_ns", 5_000_000_000).record

  static func write<Writer: RecordWriter & ~Copyable>(
    _ records: [[UInt8]], _ writer: consuming Writer, _ projection: Projection
  ) throws -> String {
    var stream = RecordStream(
      BytesSource(preambleBytes() + records.flatMap(\.self)), schema: testSchema,
      layout: projection.layout)
    writer.begin()
    while try stream.nextRecords({ writer.append($0, $1) }) {}
    writer.end()
    return String(decoding: writer.output.bytes, as: UTF8.self)
  }

  static func json(_ records: [[UInt8]], columns: [String]? = nil, lines: Bool = true) throws
    -> String
  {
    let projection = try Projection(
      testSchema, columns: columns ?? testSchema.columns.map(\.name))
    return try write(records, JSONWriter(projection, host: testHost(), lines: lines), projection)
  }

  static func table(_ records: [[UInt8]], columns: [String], _ style: TableStyle = TableStyle())
    throws -> String
  {
    let projection = try Projection(testSchema, columns: columns)
    return try write(
      records, TableWriter(projection, host: testHost(), style: style), projection)
  }

  static func csv(_ records: [[UInt8]], columns: [String]) throws -> String {
    let projection = try Projection(testSchema, columns: columns)
    return try write(records, CSVWriter(projection, host: testHost(), header: true), projection)
  }

  @Test func jsonHasEveryKind() throws {
    #expect(
      try Self.json([Self.full])
        == #"{"pid":42,"nice":-5,"state":"off","modes":["write","sync","0x100"],"#
        + #""rss_bytes":1572864,"where":"0xffff800000001000","device":"8:1","mode":"0100644","#
        + #""busy_ns":1234567,"is_new":true,"address":"10.0.0.1","#
        + #""name":"a \"b\"\n\u001b[31m\\"# + "\u{efff}" + #"","arguments":"sh -c x","#
        + #""groups":[4,265],"uid":1000,"user":"ada","started_at":"2023-11-14T22:13:25.000Z"}"#
        + "\n")
  }

  @Test func anEmptyLastArgumentIsKept() throws {
    let record = RecordBuilder().tail("arguments", Array("sh\0\0".utf8)).record
    #expect(try Self.json([record], columns: ["arguments"]) == #"{"arguments":"sh "}"# + "\n")
    #expect(try Self.csv([record], columns: ["arguments"]) == "arguments\nsh \n")
  }

  @Test func anArrayIsOneEvenIfEmpty() throws {
    #expect(try Self.json([], columns: ["pid"], lines: false) == "[\n]\n")
    let two = [RecordBuilder().number("pid", 1).record, RecordBuilder().number("pid", 2).record]
    #expect(
      try Self.json(two, columns: ["pid"], lines: false) == "[\n{\"pid\":1},\n{\"pid\":2}\n]\n")
  }

  @Test func whatIsAbsentIsNullAndNeverZero() throws {
    let text = try Self.json([RecordBuilder().record])
    let data = Data(text.utf8)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(object.count == testSchema.columns.count)
    #expect(object.values.allSatisfy { $0 is NSNull })
  }

  @Test func marksSayWhatIsWrong() throws {
    let record = RecordBuilder().tail("name", [65], isCut: true).unreadable("uid").record
    #expect(
      try Self.json([record], columns: ["pid", "name", "uid", "user"])
        == #"{"pid":null,"name":"A","uid":null,"user":null,"_cut":["name"],"#
        + #""_unreadable":["uid","user"]}"# + "\n")
    let long = RecordBuilder().tail("name", Array(repeating: 65, count: 9), isCut: true).record
    #expect(
      try Self.json([long], columns: ["name"]) == #"{"name":"AAAAAAAAA","_cut":["name"]}"# + "\n")
  }

  /// Every byte string comes back from JSON as it was.
  @Test func jsonTextIsValidAndLossless() throws {
    var random = SystemRandomNumberGenerator()
    let samples: [[UInt8]] =
      (0..<256).map { [UInt8($0)] } + [
        Array("\u{ef80}\u{efff}é漢😀".utf8), [0xe2, 0x82], [0xc0, 0x80],
      ]
      + (0..<500).map { _ in
        (0..<Int.random(in: 0...24, using: &random)).map { _ in .random(in: 0...255, using: &random)
        }
      }
    for sample in samples {
      let text = try Self.json([RecordBuilder().tail("name", sample).record], columns: ["name"])
      let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: String]
      let name = try #require(object?["name"])
      let bytes = name.unicodeScalars.flatMap { scalar -> [UInt8] in
        (0xef80...0xefff).contains(scalar.value)
          ? [UInt8(scalar.value & 0xff)] : Array(String(scalar).utf8)
      }
      #expect(bytes == sample)
    }
  }

  @Test func aTableSpeaksNotToTheTerminal() throws {
    #expect(
      try Self.table([Self.full], columns: ["pid", "name"])
        == "PID  NAME\n 42  a \"b\"\\n\\x1b[31m\\\\xff\n")
    let marks = RecordBuilder().number("pid", 1).tail("name", Array("\u{202e}x".utf8)).record
    #expect(
      try Self.table([marks], columns: ["pid", "name"]) == "PID  NAME\n  1  \\xe2\\x80\\xaex\n")
  }

  /// As ps shows it; a program that reads JSON has `uid` for that.
  @Test func aTableShowsTheNumberOfAUserWithoutAName() throws {
    let records = [RecordBuilder().number("uid", 4711).record, RecordBuilder().record]
    #expect(
      try Self.table(records, columns: ["user", "uid"]) == "USER   UID\n4711  4711\n-        -\n")
    #expect(try Self.json(records, columns: ["user"]) == "{\"user\":null}\n{\"user\":null}\n")
    #expect(try Self.csv(records, columns: ["user"]) == "user\n\n\n")
  }

  @Test func aTableIsAligned() throws {
    let other = RecordBuilder().number("pid", 1_234_567).tail("name", Array("漢字".utf8))
      .number("rss_bytes", 100).unreadable("uid").record
    #expect(
      try Self.table([Self.full, other], columns: ["pid", "user", "rss_bytes", "state"])
        == """
            PID  USER   RSS  STATE
             42  ada   1.5M  off
        1234567  ?      100  -

        """)
    #expect(
      try Self.table([other], columns: ["name", "pid"]) == "NAME      PID\n漢字  1234567\n")
  }

  @Test func aNarrowTerminalCutsTexts() throws {
    let record = RecordBuilder().number("pid", 1).tail("name", Array("0123456789abcdefghij".utf8))
      .record
    #expect(
      try Self.table([record], columns: ["pid", "name"], TableStyle(width: 20))
        == "PID  NAME\n  1  0123456789abcd…\n")
  }

  @Test func aRowEndsWhereTheTerminalEnds() throws {
    let record = RecordBuilder().number("pid", 1).number("where", 0xffff_8000_0000_1000)
      .tail("name", Array("0123456789abcdefghij".utf8)).record
    let columns = ["pid", "where", "name", "rss_bytes"]
    var style = TableStyle(width: 30)
    style.hidesColumns = false
    #expect(
      try Self.table([record], columns: columns, style)
        == "PID  WHERE               NAME \n  1  0xffff800000001000  0123…\n")
    style.width = 10
    #expect(
      try Self.table([record], columns: columns, style)
        == "PID  WHERE\n  1  0xff…\n")
  }

  @Test func columnsWithoutRoomAreHidden() throws {
    let record = RecordBuilder().number("pid", 1).number("where", 0xffff_8000_0000_1000)
      .tail("name", Array("0123456789abcdefghij".utf8)).record
    let columns = ["pid", "where", "name", "rss_bytes"]
    #expect(
      try Self.table([record], columns: columns, TableStyle(width: 30))
        == "PID  NAME                  RSS\n  1  0123456789abcdefghij    -\n")
    #expect(
      try Self.table([record], columns: columns, TableStyle(width: 10)) == "PID\n  1\n")
  }

  @Test func colorsSayWhatAValueIs() throws {
    let record = RecordBuilder().number("pid", 1).unreadable("rss_bytes").number("state", 1)
      .tail("name", Array("a\u{1b}[31m".utf8)).record
    var style = TableStyle(hasHeader: false)
    style.isColored = true
    let escape = "\u{1b}"
    #expect(
      try Self.table([record], columns: ["pid", "uid", "state", "rss_bytes", "name"], style)
        == "\(escape)[36m1\(escape)[0m  \(escape)[2m-\(escape)[0m  \(escape)[32mon\(escape)[0m  "
        + "\(escape)[31m?\(escape)[0m  a\\x1b[31m\n")
  }

  @Test func rawNumbersHaveNoUnits() throws {
    let style = TableStyle(hasHeader: false, isRaw: true)
    #expect(
      try Self.table([Self.full], columns: ["rss_bytes", "busy_ns"], style) == "1572864  1234567\n")
    let human = TableStyle(hasHeader: false)
    #expect(
      try Self.table([Self.full], columns: ["rss_bytes", "busy_ns"], human) == "1.5M  1.2ms\n")
  }

  @Test(
    arguments: [
      (0, "0"), (1023, "1023"), (1024, "1.0K"), (10_239, "10K"), (1_048_525, "1.0M"),
      (1 << 30, "1.0G"), (UInt64.max, "16E"),
    ] as [(UInt64, String)])
  func sizesHaveBinaryUnits(bytes: UInt64, text: String) throws {
    let record = RecordBuilder().number("rss_bytes", bytes).record
    let style = TableStyle(hasHeader: false)
    #expect(try Self.table([record], columns: ["rss_bytes"], style) == text + "\n")
  }

  @Test func csvQuotesWhatNeedsIt() throws {
    #expect(
      try Self.csv(
        [Self.full, RecordBuilder().record], columns: ["pid", "name", "modes", "groups"])
        == "pid,name,modes,groups\n42,\"a \"\"b\"\"\n\u{1b}[31m\\\u{efff}\","
        + "\"write,sync,0x100\",\"4,265\"\n,,,\n")
  }

  @Test func manyRowsKeepTheWidthsOfTheFirstMegabyte() throws {
    let record = RecordBuilder().number("pid", 7).tail("name", Array(repeating: 65, count: 2000))
      .record
    let late = RecordBuilder().number("pid", 123_456).tail("name", [66]).record
    let text = try Self.table(
      Array(repeating: record, count: 600) + [late], columns: ["pid", "name"])
    let lines = text.split(separator: "\n")
    #expect(lines.count == 602)
    #expect(lines.last == "123456  B")
    #expect(lines[1].hasPrefix("  7  AAA"))
  }

  @Test func aReadingHasItsTime() throws {
    let projection = try Projection(testSchema, columns: ["pid"])
    let text = try Self.write(
      [RecordBuilder().number("pid", 1).record, RecordBuilder().number("pid", 2).record],
      JSONWriter(
        projection, host: testHost(), lines: true, stamp: RowStamp(look: 1_700_000_000_123_000_000)),
      projection)
    #expect(
      text == """
        {"_time":"2023-11-14T22:13:20.123Z","pid":1}
        {"_time":"2023-11-14T22:13:20.123Z","pid":2}

        """)
  }

  @Test func aStampSaysWhichHostAndWhen() throws {
    let projection = try Projection(testSchema, columns: ["pid", "name"])
    let record = RecordBuilder().number("pid", 1).tail("name", Array("a,b".utf8)).record
    let stamp = RowStamp(testHost().identity)
    let json = JSONWriter(projection, host: testHost(), lines: true, stamp: stamp)
    #expect(
      try Self.write([record, record], json, projection)
        == String(
          repeating: #"{"host":"box \"1\"","boot_id":"6d2f2c1e-0000-4000-8000-000000000001","#
            + #""time":"2023-11-14T22:13:20.123456789Z","pid":1,"name":"a,b"}"# + "\n", count: 2))
    let csv = CSVWriter(projection, host: testHost(), header: true, stamp: stamp)
    #expect(
      try Self.write([record], csv, projection) == """
        host,boot_id,time,pid,name
        "box ""1""\",6d2f2c1e-0000-4000-8000-000000000001,2023-11-14T22:13:20.123456789Z,1,"a,b"

        """)
  }

  @Test func aHostThatIsNotKnownIsNull() throws {
    let projection = try Projection(testSchema, columns: ["pid"])
    let stamp = RowStamp(HostIdentity(name: "", bootID: "", time: 0))
    let record = RecordBuilder().number("pid", 1).record
    let json = JSONWriter(projection, host: testHost(), lines: true, stamp: stamp)
    #expect(
      try Self.write([record], json, projection)
        == #"{"host":null,"boot_id":null,"time":"1970-01-01T00:00:00.000000000Z","pid":1}"# + "\n")
    let csv = CSVWriter(projection, host: testHost(), header: false, stamp: stamp)
    #expect(
      try Self.write([record], csv, projection) == ",,1970-01-01T00:00:00.000000000Z,1\n")
  }

  @Test func columnsKeepALeastWidth() throws {
    let records = [RecordBuilder().number("pid", 1).tail("name", Array("a".utf8)).record]
    var style = TableStyle()
    style.leastWidths = [6, 0]
    #expect(
      try Self.table(records, columns: ["pid", "name"], style) == "   PID  NAME\n     1  a\n")
  }

  @Test func aLineOfATerminalIsCutAndEscaped() {
    func line(_ text: String, _ width: Int) -> String {
      String(decoding: terminalLine(text, width: width), as: UTF8.self)
    }
    #expect(line("title", 5) == "title")
    #expect(line("title", 4) == "tit…")
    #expect(line("日本語", 5) == "日本…")
    #expect(line("日本語", 4) == "日… ")
    #expect(line("a\u{1b}[2J\n", 20) == #"a\x1b[2J\n"#)
    #expect(line("title", 0) == "")
  }
}
