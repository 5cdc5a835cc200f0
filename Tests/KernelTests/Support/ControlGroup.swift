import Foundation

/// A cgroup that a test makes, removed with all below it when the test lets go of it.
final class ControlGroup {
  /// Where a hierarchy is mounted.
  struct Mount {
    let path: String

    /// The hierarchy of version 2; nil if the host has none.
    static var unified: Mount? { find { $0[2] == "cgroup2" } }
    /// A controller's own of version 1; nil where version 2 has it.
    static func legacy(_ controller: String) -> Mount? {
      find { $0[2] == "cgroup" && $0[3].split(separator: ",").contains(Substring(controller)) }
    }

    private static func find(_ isWanted: ([Substring]) -> Bool) -> Mount? {
      let mounts = (try? String(contentsOfFile: "/proc/mounts", encoding: .utf8)) ?? ""
      return mounts.split(separator: "\n").map { $0.split(separator: " ") }.first(where: isWanted)
        .map { Mount(path: String($0[1])) }
    }
  }

  /// The path below the mount, with a slash before it.
  let path: String
  /// The directory.
  let directory: String
  private let made: String?

  /// Makes a cgroup, and those above it that are not there.
  init(_ path: String, in mount: Mount) throws {
    self.path = path
    directory = mount.path + path
    let names = path.split(separator: "/")
    let above = names.indices.map { mount.path + "/" + names[...$0].joined(separator: "/") }
    made = above.first { !FileManager.default.fileExists(atPath: $0) }
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  }

  deinit { made.map(Self.remove) }

  /// The directory's inode, which is the cgroup's number.
  var id: UInt64 { get throws { try FileStatus(directory).inode } }

  /// Writes to one of its files.
  func write(_ text: String, to file: String) throws {
    let handle = try FileHandle(forWritingTo: URL(filePath: "\(directory)/\(file)"))
    defer { try? handle.close() }
    try handle.write(contentsOf: Data(text.utf8))
  }

  private static func remove(_ directory: String) {
    for entry in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    where (try? FileStatus("\(directory)/\(entry)")).map({ $0.mode & S_IFMT == S_IFDIR }) == true {
      remove("\(directory)/\(entry)")
    }
    // Whoever was in it may not have been reaped yet.
    var tries = 0
    while rmdir(directory) != 0 && errno == EBUSY && tries < 500 {
      usleep(10_000)
      tries += 1
    }
  }
}
