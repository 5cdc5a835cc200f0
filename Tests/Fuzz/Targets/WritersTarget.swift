import RecordOutput
import RecordSchema
import TestRecords

/// Records with any values go through every writer; what comes out has to be what it says it is.
enum WritersTarget {
  fileprivate static let projection = Projection(allOf: testSchema)

  static var seeds: [[UInt8]] {
    let record = RecordBuilder().number("pid", 7).number("modes", 0x31).number("mode", 0o100_644)
      .tail("name", Array("a\u{1b}[2J\n\"é\u{e000}".utf8) + [0xff]).tail("groups", [1, 0, 0, 0])
      .tail("arguments", Array("a\0b c\0".utf8), isCut: true).address("address", [127, 0, 0, 1])
      .record
    let content = record.dropFirst(RecordLayout.headerSize)
    let length = [UInt8(content.count & 0xff), UInt8(content.count >> 8)]
    return [[0] + length + content, [3] + length + content + length + content]
  }

  static func run(_ input: [UInt8]) {
    var input = Bytes(input)
    let form = input.byte()
    let stream = preambleBytes() + records(&input)
    let lines = written(stream, JSONWriter(projection, host: testHost(), lines: true))
    for line in lines.split(separator: UInt8(ascii: "\n")) { Checks.isJSON(Array(line)) }
    Checks.isJSON(written(stream, JSONWriter(projection, host: testHost(), lines: false)))
    Checks.isCSV(
      written(stream, CSVWriter(projection, host: testHost(), header: true)),
      columns: projection.columns.count)
    var style = TableStyle(width: form & 1 == 0 ? nil : Int(form), isRaw: form & 2 == 0)
    style.isColored = form & 4 != 0
    let table = written(stream, TableWriter(projection, host: testHost(), style: style))
    Checks.isHarmless(table, isColored: style.isColored)
  }

  /// Records whose sizes are right, and all else as the input says.
  fileprivate static func records(_ input: inout Bytes) -> [UInt8] {
    let layout = projection.layout
    let least = 16 * layout.words
    var records: [UInt8] = []
    while !input.isEmpty {
      let size = least + input.word() % (2 * layout.fixedSize)
      let content = input.take(size)
      let total = RecordLayout.headerSize + size
      records += [UInt8(total & 0xff), UInt8(total >> 8), 0, 0, 0, 0, 0, 0] + content
      records += repeatElement(0, count: size - content.count)
    }
    return records
  }

  fileprivate static func written<Writer: RecordWriter & ~Copyable>(
    _ stream: [UInt8], _ writer: consuming Writer
  ) -> [UInt8] {
    do {
      return try output(of: BytesSource(stream), projection, writer)
    } catch {
      finding("whole records: \(error)")
    }
  }
}

/// What a writer makes of a stream.
func output<Source: RecordSource & ~Copyable, Writer: RecordWriter & ~Copyable>(
  of source: consuming Source, _ projection: Projection, _ writer: consuming Writer
) throws -> [UInt8] {
  var stream = RecordStream(source, schema: projection.schema, layout: projection.layout)
  writer.begin()
  while try stream.nextRecords({ writer.append($0, $1) }) {}
  writer.end()
  return Array(writer.output.bytes)
}

/// What the JSON and CSV writers make of an input, for parsers that are none of ours.
public enum WritersOutput {
  /// The records of an input of `FuzzTarget.writers`.
  public static func of(_ input: [UInt8]) -> (json: [UInt8], csv: [UInt8]) {
    var input = Bytes(input)
    _ = input.byte()
    let stream = preambleBytes() + WritersTarget.records(&input)
    let projection = WritersTarget.projection
    return (
      WritersTarget.written(stream, JSONWriter(projection, host: testHost(), lines: false)),
      WritersTarget.written(stream, CSVWriter(projection, host: testHost(), header: true))
    )
  }
}
