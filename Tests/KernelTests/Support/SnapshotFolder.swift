import Foundation

/// A folder with a copy of kiter that any user may run, and snapshots that any user may read.
final class SnapshotFolder {
  let folder = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())")
  let kiter: String

  init() throws {
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    kiter = folder.appending(path: "kiter").path
    try Kiter.copy(to: kiter)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Path of a file.
  func path(_ name: String) -> String { folder.appending(path: name).path }

  /// Makes a snapshot as root and gives its path; `entering` is the command that kiter is run by, to
  /// be somewhere else.
  func record(_ name: String, _ tables: [String] = [], entering: [String] = []) throws -> String {
    let path = path(name)
    let output = try Command.run(entering + [kiter, "snapshot", "-o", path] + tables)
    guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    return path
  }

  /// Runs kiter as nobody, without any group.
  func runAsNobody(_ arguments: [String]) throws -> Command.Output {
    try Command.run(["setpriv", "--reuid=65534", "--clear-groups", kiter] + arguments)
  }

  /// The rows that nobody sees.
  func rows(_ arguments: [String]) throws -> [Row] {
    let output = try runAsNobody(arguments + ["-o", "jsonl"])
    guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
    return try PinnedHost.rows(output.stdout)
  }
}
