import Glibc
import RecordOutput
import RecordSchema
import RecordSnapshot
import TestRecords

@_silgen_name("memfd_create") private func makeMemoryFile(
  _ name: UnsafePointer<CChar>, _ flags: UInt32
) -> Int32

/// Reads snapshot files: of any bytes, or of blocks whose outsides are right.
enum SnapshotTarget {
  private static var host: RecordedHost {
    var host = RecordedHost(wallClock: 1_700_000_005_000_000_000, bootTime: 5_000_000_000)
    host.hostname = "pavo"
    host.users = Array("root::0\n".utf8)
    return host
  }

  private static var blocks: [(SnapshotBlock.Kind, [UInt8])] {
    let record = RecordBuilder().number("pid", 7).tail("name", Array("init".utf8)).record
    return [
      (.host, host.encoded), (.table, Array("things".utf8) + [0] + testSchema.json),
      (.rows, preambleBytes() + record), (.done, []),
    ]
  }

  static var seeds: [[UInt8]] {
    let shaped = blocks.flatMap { kind, content -> [UInt8] in
      let number = SnapshotBlock.Kind.allCases.firstIndex(of: kind) ?? 0
      return [UInt8(number), UInt8(content.count & 0xff), UInt8(content.count >> 8)] + content
    }
    return [[0] + shaped, [1] + file(of: blocks)]
  }

  static func run(_ input: [UInt8]) {
    var input = Bytes(input)
    guard input.byte() & 1 == 0 else { return read(input.takeAll()) }
    var blocks: [(SnapshotBlock.Kind, [UInt8])] = []
    while !input.isEmpty {
      let kinds = SnapshotBlock.Kind.allCases
      let kind = kinds[Int(input.byte()) % kinds.count]
      blocks.append((kind, input.take(input.word())))
    }
    read(file(of: blocks))
  }

  private static func file(of blocks: [(SnapshotBlock.Kind, [UInt8])]) -> [UInt8] {
    blocks.reduce(into: Array(SnapshotBlock.firstLine.utf8)) { file, block in
      file += block.1.withUnsafeBytes { SnapshotBlock.encoded(block.0, $0) }
    }
  }

  private static func read(_ bytes: [UInt8]) {
    let descriptor = makeMemoryFile("snapshot", 1)
    defer { close(descriptor) }
    // SAFETY: the buffer has the count that is passed.
    let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard written == bytes.count else { return }
    do {
      try readTables(SnapshotFile("/proc/self/fd/\(descriptor)"))
    } catch is SnapshotError {
    } catch is StreamError {
    } catch {
      finding("\(error)")
    }
  }

  private static func readTables(_ file: SnapshotFile) throws {
    let host = file.host.facts
    for table in file.tables {
      let projection = Projection(allOf: try file.schema(of: table))
      func source() -> SnapshotSource { file.source(of: table) }
      let lines = try output(
        of: source(), projection, JSONWriter(projection, host: host, lines: false))
      Checks.isJSON(lines)
      let csv = try output(
        of: source(), projection, CSVWriter(projection, host: host, header: true))
      Checks.isCSV(csv, columns: projection.columns.count)
      let shown = try output(
        of: source(), projection, TableWriter(projection, host: host, style: TableStyle(width: 80)))
      Checks.isHarmless(shown)
    }
  }
}
