import Glibc

/// Where a snapshot is written to: a file that gets its name when it is whole, or standard output.
///
/// Only its owner may read the file (mode 0600): it holds what only root may see.
public final class SnapshotOutput {
  /// The file's path, or what messages call the output.
  public let path: String
  private let descriptor: Int32
  /// A name that the file has until it is whole; nil if it has none yet, or needs none.
  private var temporary: String?
  private let isFile: Bool

  /// O_TMPFILE without O_DIRECTORY, which belongs to it (the same on x86-64 and arm64).
  private static var withoutName: Int32 { 0o20_000_000 }

  /// Writes to an open file, and gives no name to it.
  public init(descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
    isFile = false
  }

  /// Makes a file, which replaces the one that may be there.
  ///
  /// - Throws: `SnapshotError` if it cannot, or something else than a regular file is there.
  public init(path: String) throws(SnapshotError) {
    self.path = path
    isFile = true
    var status = stat()
    // SAFETY: the call fills the structure that it is given.
    if lstat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG {
      throw SnapshotError(
        path, "is no regular file, and is left alone; name another, or write to -")
    }
    // Without a name nothing is left behind if this program is killed. Not every file system can.
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "."
    let unnamed = open(
      String(folder), Self.withoutName | O_DIRECTORY | O_WRONLY | O_CLOEXEC, 0o600)
    if unnamed >= 0 {
      descriptor = unnamed
      return
    }
    var name = Array(Self.temporaryName(path).utf8CString)
    descriptor = mkstemp(&name)
    guard descriptor >= 0 else { throw SnapshotError(path, failed: "making the file") }
    temporary = name.withUnsafeBufferPointer { name in
      name.baseAddress.map { String(cString: $0) }
    }
  }

  deinit {
    if let temporary { unlink(temporary) }
    if isFile { close(descriptor) }
  }

  /// Writes all of the bytes.
  func write(_ bytes: [UInt8]) throws(SnapshotError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { bytes in
        let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
        // SAFETY: base address and count describe one readable buffer.
        return Glibc.write(descriptor, rest.baseAddress, rest.count)
      }
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw SnapshotError(path, failed: "writing") }
      done += count
    }
  }

  /// Gives the file its name.
  func commit() throws(SnapshotError) {
    guard isFile else { return }
    // What a crash leaves behind is the old file or the whole new one.
    guard fsync(descriptor) == 0 else { throw SnapshotError(path, failed: "writing") }
    if temporary == nil { try giveTemporaryName() }
    guard let name = temporary, rename(name, path) == 0 else {
      throw SnapshotError(path, failed: "naming the file")
    }
    temporary = nil
  }

  /// Replacing a file takes a name to rename: a link to one without a name replaces nothing.
  private func giveTemporaryName() throws(SnapshotError) {
    for _ in 0..<100 {
      let name = Self.temporaryName(path, random: UInt32.random(in: .min ... .max))
      let code = linkat(
        AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, name, AT_SYMLINK_FOLLOW)
      if code == 0 {
        temporary = name
        return
      }
      guard errno == EEXIST else { break }
    }
    throw SnapshotError(path, failed: "naming the file")
  }

  private static func temporaryName(_ path: String, random: UInt32? = nil) -> String {
    "\(path).\(random.map { String($0, radix: 36) } ?? "XXXXXX")"
  }
}
