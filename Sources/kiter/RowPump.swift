import Glibc
import IteratorCatalog
import KernelIterators
import RecordOutput
import RecordSchema

/// Moves records from a source through a writer to standard output.
struct RowPump {
  /// How it ended.
  struct End {
    var notes: OutputNotes
    var preamble: Preamble?
    /// Standard output's reader has gone: nothing more to do, and no error.
    var isClosed = false
    /// What ended it early.
    var error: (any Error)?
  }

  private let projection: Projection
  private let output: OutputOptions
  private let filter: RowFilter?
  /// How the rows hang together, if a table is to show it.
  var tree: TreeDrawing?
  private let host: HostFacts
  private let stamp: RowStamp?

  private static var writeSize: Int { 128 << 10 }

  /// Writes rows, with the nanoseconds since 1970 of their reading if they are given.
  init(
    _ projection: Projection, _ output: OutputOptions, filter: RowFilter? = nil,
    host: HostFacts = .live(), time: UInt64? = nil
  ) {
    self.projection = projection
    self.output = output
    self.filter = filter
    self.host = host
    var identity = output.stamp ? host.identity : nil
    if let time { identity?.time = time }
    if let name = output.stampHost { identity?.name = name }
    stamp = identity.map { RowStamp($0) } ?? time.map { RowStamp(look: $0) }
  }

  func run<Source: RecordSource & ~Copyable>(_ source: consuming Source) throws -> End {
    if output.stamp { try checkStamp() }
    if output.isFolded { return try pump(source, FoldedWriter(projection, host: host)) }
    switch output.format {
    case .table:
      var style = TableStyle(
        width: terminalSize()?.columns, hasHeader: !output.noHeader, isRaw: output.raw)
      style.isColored = output.isColored
      style.tree = tree
      return try pump(source, TableWriter(projection, host: host, style: style))
    case .json:
      return try pump(source, JSONWriter(projection, host: host, lines: false, stamp: stamp))
    case .jsonl:
      return try pump(source, JSONWriter(projection, host: host, lines: true, stamp: stamp))
    case .csv:
      let hasHeader = !output.noHeader
      return try pump(
        source, CSVWriter(projection, host: host, header: hasHeader, stamp: stamp))
    }
  }

  /// Makes sure that each row can have the stamp.
  private func checkStamp() throws(UsageError) {
    if output.format == .table || output.isFolded { throw RowStamp.notOnScreen }
    let names = projection.columns.map(\.field.name)
    if let twice = names.first(where: RowStamp.columns.contains) {
      throw UsageError(
        description: "--stamp adds the column \(twice), which the rows already have; "
          + "leave it out, or name it otherwise")
    }
  }

  private func pump<Source: RecordSource & ~Copyable, Writer: RecordWriter & ~Copyable>(
    _ source: consuming Source, _ writer: consuming Writer
  ) throws -> End {
    var stream = RecordStream(
      source, schema: projection.schema, layout: projection.layout)
    let limit = output.limit ?? .max
    var failure: (any Error)?
    writer.begin()
    do {
      while writer.notes.records < limit {
        let isOpen = try stream.nextRecords { record, preamble in
          guard writer.notes.records < limit, filter?.accepts(record) ?? true else { return }
          writer.append(record, preamble)
        }
        if !isOpen { break }
        if writer.output.count >= Self.writeSize { try flush(&writer.output) }
      }
    } catch {
      failure = error
    }
    writer.end()
    do { try flush(&writer.output) } catch { failure = failure ?? error }
    var end = End(notes: writer.notes, preamble: stream.preamble, error: failure)
    if let error = failure as? OutputError, error.code == EPIPE { end.isClosed = true }
    return end
  }

  private func flush(_ buffer: inout ByteBuffer) throws(OutputError) {
    try writeOutput(buffer.bytes)
    buffer.removeAll()
  }
}

extension RowStamp {
  /// What `--stamp` of a table says.
  static let notOnScreen = UsageError(
    description: "--stamp is for rows that a program reads; add --output jsonl, csv or json")
}
