import Foundation
import RecordOutput
import RecordSchema
import TestRecords

@testable import RecordSnapshot

/// A folder that no other test uses.
final class TemporaryFolder {
  let url = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())")

  init() throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// Path of a file.
  func path(_ name: String) -> String { url.appending(path: name).path }

  /// What the folder holds.
  var files: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }
  }

  /// Writes a file of these bytes, and gives its path.
  func file(_ bytes: [UInt8]) throws -> String {
    let path = path("file")
    try Data(bytes).write(to: URL(filePath: path))
    return path
  }
}

/// A host that does not change.
func recordedHost() -> RecordedHost {
  var host = RecordedHost(wallClock: 1_700_000_005_000_000_000, bootTime: 5_000_000_000)
  host.hostname = "pavo"
  host.kernelRelease = "6.18.0"
  host.bootID = "3e0d2f4c"
  host.kiterVersion = "0.1.0"
  host.finTimeout = 60
  host.clockTicks = 100
  host.users = Array("root::0\nada::1000\n".utf8)
  return host
}

/// A record of the test schema.
func thing(_ pid: UInt64, _ name: String, uid: UInt64 = 1000) -> [UInt8] {
  RecordBuilder().number("pid", pid).number("uid", uid).number("started_ns", 7_000_000_000)
    .tail("name", Array(name.utf8)).record
}

/// Writes a snapshot of streams of some tables.
func writeSnapshot(
  _ path: String, _ tables: [(schema: Schema, bytes: [UInt8])],
  host: RecordedHost = recordedHost()
) throws {
  var writer = try SnapshotWriter(SnapshotOutput(path: path), host: host)
  for table in tables { _ = try writer.write(BytesSource(table.bytes, piece: 4096), table.schema) }
  try writer.finish()
}

/// All tables of a snapshot as JSON Lines of all columns, through its own schemas.
func readSnapshot(_ path: String) throws -> [String: String] {
  let file = try SnapshotFile(path)
  var tables: [String: String] = [:]
  for table in file.tables {
    let projection = Projection(allOf: try file.schema(of: table))
    var stream = RecordStream(
      file.source(of: table), schema: projection.schema, layout: projection.layout)
    var writer = JSONWriter(projection, host: file.host.facts, lines: true)
    while try stream.nextRecords({ writer.append($0, $1) }) {}
    tables[table.name] = String(decoding: writer.output.bytes, as: UTF8.self)
  }
  return tables
}
