import Foundation

/// A folder for pins that no other test uses, and a kiter that any user may run.
final class PinnedHost {
  /// The group that pins are made for.
  static let group = "65532"

  /// Holds everything.
  let folder: URL
  /// Where pins are made; a BPF file system once there is one.
  let pins: String
  /// A copy of kiter outside of folders that only root may enter.
  let kiter: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())")
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    pins = folder.appending(path: "pins").path
    kiter = folder.appending(path: "kiter").path
    try Kiter.copy(to: kiter)
  }

  deinit {
    // Lazily: a reader that a failed test has left must not keep the pins.
    _ = try? Command.run(["umount", "--lazy", "--quiet", pins])
    try? FileManager.default.removeItem(at: folder)
  }

  /// Path of a pin.
  func path(_ pin: String) -> String { "\(pins)/\(pin)" }

  /// The files in the folder of pins that are not the kernel's own.
  var files: [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: pins)) ?? []
    return all.filter { !$0.hasSuffix(".debug") }.sorted()
  }

  /// Runs a command of kiter that takes --path, as root.
  func run(_ arguments: [String]) throws -> Command.Output {
    try Command.run([kiter] + arguments + ["--path", pins])
  }

  /// Pins tables for the group; throws if that fails.
  func pin(_ arguments: String...) throws {
    let output = try run(["pin"] + arguments + ["--group", Self.group])
    guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
  }

  /// What `kiter pins --json` says.
  func list() throws -> [ListedPin] {
    try JSONDecoder().decode([ListedPin].self, from: run(["pins", "--json"]).stdout)
  }

  /// A command line that a user without privilege runs, in the pins' group unless another is named.
  static func unprivileged(group: String = PinnedHost.group, _ command: [String]) -> [String] {
    ["setpriv", "--reuid=65534", "--regid=65534", "--groups=\(group)"] + command
  }

  /// Reads a table as such a user.
  func read(_ arguments: [String], group: String = PinnedHost.group) throws -> Command.Output {
    try Command.run(Self.unprivileged(group: group, [kiter] + arguments + ["--pins", pins]))
  }

  /// The rows of a table as such a user gets them.
  func rows(_ arguments: String...) throws -> [Row] {
    let output = try read(arguments + ["--output", "jsonl"])
    guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
    return try Self.rows(output.stdout)
  }

  /// JSON Lines.
  static func rows(_ lines: Data) throws -> [Row] {
    try lines.split(separator: UInt8(ascii: "\n")).map { try Row(json: $0) }
  }
}

/// A pin as `kiter pins --json` shows it.
struct ListedPin: Decodable {
  let table: String
  let path: String
  let columns: [String]?
  let problem: String?
}
