import CLibbpf
import Glibc

/// Makes and removes pins in a folder, one writer at a time. What replaces a pin is prepared beside
/// it and then renamed over it, so that a reader finds the old one or the new one.
public struct PinWriter: ~Copyable {
  /// Where it works.
  public let folder: PinFolder
  private let descriptor: Descriptor
  private var staged: [String] = []

  /// Names of prepared pins end so; a pin's name never does.
  private static var stagedSuffix: String { "~" }

  /// Begins to make pins: creates the folder, and mounts a BPF file system there, where missing.
  ///
  /// - Throws: `IteratorError`.
  public static func creating(_ folder: PinFolder) throws(IteratorError) -> PinWriter {
    // Whatever the caller's mask: folders are for all to pass, pins for root until they are ready.
    umask(0o022)
    try makeFolders(folder.path)
    if !folder.isOnBPFFileSystem { try mount(folder) }
    return try PinWriter(folder)
  }

  /// Begins to change a folder that there is, as soon as no other writer does.
  ///
  /// - Throws: `IteratorError`; one with cause `notPermitted` for a folder that is not trusted.
  public init(_ folder: PinFolder) throws(IteratorError) {
    let opened = Descriptor(open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    guard opened.number >= 0 else { throw failure(folder.path, errno) }
    try folder.requireTrust(opened.number, folder.path, "pins")
    guard flock(opened.number, LOCK_EX) == 0 else { throw failure(folder.path, errno) }
    self.folder = folder
    descriptor = opened
  }

  /// Removes what was prepared and not committed.
  deinit { for name in staged { unlinkat(descriptor.number, name + Self.stagedSuffix, 0) } }

  /// Prepares a pin; nobody sees it before `commit`.
  ///
  /// - Throws: `IteratorError`.
  public mutating func stage(
    _ link: borrowing IteratorLink, as name: String, _ access: PinAccess
  ) throws(IteratorError) {
    let file = name + Self.stagedSuffix
    // Left by a writer that was killed.
    unlinkat(descriptor.number, file, 0)
    try link.pin(at: folder.path(of: file))
    staged.append(name)
    // The group first: a mode meant for it must not serve another one.
    guard fchownat(descriptor.number, file, access.owner, access.group, 0) == 0,
      fchmodat(descriptor.number, file, access.mode, 0) == 0
    else { throw failure(folder.path(of: file), errno) }
  }

  /// Puts all that was prepared in its place.
  ///
  /// - Throws: `IteratorError`.
  public mutating func commit() throws(IteratorError) {
    while let name = staged.last {
      let number = descriptor.number
      guard renameat(number, name + Self.stagedSuffix, number, name) == 0 else {
        throw failure(folder.path(of: name), errno)
      }
      staged.removeLast()
    }
  }

  /// Removes a pin. Walks that have begun go on.
  ///
  /// - Throws: `IteratorError`.
  public borrowing func remove(_ name: String) throws(IteratorError) {
    guard unlinkat(descriptor.number, name, 0) == 0 else {
      throw failure(folder.path(of: name), errno)
    }
  }

  private static func makeFolders(_ path: String) throws(IteratorError) {
    var prefix = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      prefix += "/" + part
      if mkdir(prefix, 0o755) != 0 && errno != EEXIST { throw failure(prefix, errno) }
    }
  }

  private static func mount(_ folder: PinFolder) throws(IteratorError) {
    guard folder.names().isEmpty else {
      throw IteratorError(
        iterator: "pins", stage: .pin, cause: .failed,
        advice: "\(folder.path) is not on a BPF file system, and not empty; name another --path")
    }
    let code = kiter_mount_bpffs(folder.path)
    if code != 0 { throw failure("mounting a BPF file system at \(folder.path)", code) }
  }
}

private func failure(_ place: String, _ code: Int32) -> IteratorError {
  let isPermission = code == EPERM || code == EACCES
  return IteratorError(
    iterator: "pins", stage: .pin, cause: isPermission ? .notPermitted : .failed, code: code,
    advice: isPermission ? "\(place); run as root (sudo kiter …)" : place)
}
