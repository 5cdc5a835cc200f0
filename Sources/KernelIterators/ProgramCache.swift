import CLibbpf
import Glibc

/// Relocated programs, kept between runs: most of what a start costs is libbpf's reading of the
/// kernel's types, which comes out the same until another kernel is booted.
///
/// An entry is only trusted if root alone can have written it, and it is whole: everything else is
/// passed over and written anew.
public struct ProgramCache: Sendable {
  /// Where `kiter` keeps them: on a file system that a boot empties.
  public static let standard = ProgramCache(path: "/run/kiter/cache")

  /// The folder's path.
  public let path: String

  /// When more than this is in the folder, it is cleared: nothing in it is worth more than the
  /// milliseconds of making it again.
  private static let entriesMax = 64
  private static let bytesMax = 8 << 20
  private static let imageMax = 1 << 20

  /// Uses a folder, which is made when it is first needed. The folder above it must be root's, too.
  public init(path: String) { self.path = path }

  /// The image for a key; nil if there is none that can be trusted.
  func image(for key: CacheKey) -> ProgramImage? {
    guard let folder = openFolder(), let bytes = contents(of: key.fileName, in: folder),
      let body = CacheEntry.body(of: bytes, key: key)
    else { return nil }
    return ProgramImage(encoded: body)
  }

  /// Keeps an image; a failure costs the next run some time, and no more.
  func store(_ image: ProgramImage, for key: CacheKey) {
    let bytes = CacheEntry.bytes(key: key, body: image.encoded)
    guard bytes.count <= Self.imageMax, makeFolders(), let folder = openFolder() else { return }
    if let state = try? state(), state.entries >= Self.entriesMax || state.bytes > Self.bytesMax {
      makeRoom(in: folder)
    }
    let temporary = "\(key.fileName)\(CacheKey.foldedMark)\(getpid())"
    unlinkat(folder.number, temporary, 0)
    guard write(bytes, to: temporary, in: folder),
      renameat(folder.number, temporary, folder.number, key.fileName) == 0
    else {
      unlinkat(folder.number, temporary, 0)
      return
    }
  }

  /// Forgets an image that the kernel has refused.
  func remove(_ key: CacheKey) {
    guard let folder = openFolder() else { return }
    unlinkat(folder.number, key.fileName, 0)
  }
}

extension ProgramCache {
  /// What is in the folder.
  public struct State: Sendable, Equatable {
    /// Number of files.
    public var entries = 0
    /// Their size.
    public var bytes = 0
  }

  /// Why the folder is not used.
  public struct Distrust: Error, CustomStringConvertible {
    /// What is wrong, and with which path.
    public let description: String
  }

  /// Looks at the folder; nothing is in one that does not exist yet.
  ///
  /// - Throws: `Distrust` if it is not root's alone, or cannot be opened.
  public func state() throws(Distrust) -> State {
    guard let folder = try openTrusted() else { return State() }
    var state = State()
    for name in names(in: folder) {
      var info = stat()
      // SAFETY: the call fills the structure that it is given.
      guard fstatat(folder.number, name, &info, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
      state.entries += 1
      state.bytes += Int(info.st_size)
    }
    return state
  }
}

// MARK: - The folder

extension ProgramCache {
  private var parent: String {
    let end = path.lastIndex(of: "/") ?? path.startIndex
    return String(path[..<end])
  }

  /// The folder, if it can be trusted.
  private func openFolder() -> Descriptor? { (try? openTrusted()) ?? nil }

  /// Opens the folder; nil if there is none.
  private func openTrusted() throws(Distrust) -> Descriptor? {
    guard try open(parent, forbidden: 0o022) != nil else { return nil }
    return try open(path, forbidden: 0o077)
  }

  private func open(_ path: String, forbidden: mode_t) throws(Distrust) -> Descriptor? {
    let number = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if number < 0 && errno == ENOENT { return nil }
    guard number >= 0 else { throw Distrust(description: "\(path): \(errorText(errno))") }
    let folder = Descriptor(number)
    var info = stat()
    // SAFETY: the call fills the structure that it is given.
    guard fstat(number, &info) == 0 else {
      throw Distrust(description: "\(path): \(errorText(errno))")
    }
    guard info.st_uid == 0 else { throw Distrust(description: "\(path) is not root's") }
    guard info.st_mode & forbidden == 0 else {
      throw Distrust(
        description: "\(path) has mode \(String(info.st_mode & 0o7777, radix: 8)): others than "
          + "root may change it")
    }
    return folder
  }

  /// Makes the folder, and the one above it.
  private func makeFolders() -> Bool {
    guard geteuid() == 0 else { return false }
    return makeFolder(parent, 0o755) && makeFolder(path, 0o700)
  }

  private func makeFolder(_ path: String, _ mode: mode_t) -> Bool {
    // mkdir(2) takes away what the umask says; users must find the pins below the first one.
    mkdir(path, mode) == 0 ? chmod(path, mode) == 0 : errno == EEXIST
  }

  private func names(in folder: borrowing Descriptor) -> [String] {
    // A stream closes its descriptor; this one stays ours. A duplicate shares the position.
    guard let stream = fdopendir(dup(folder.number)) else { return [] }
    defer { closedir(stream) }
    rewinddir(stream)
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        // SAFETY: d_name is NUL-terminated within its array.
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  /// Removes what costs least to make again, if there is any; otherwise everything.
  private func makeRoom(in folder: borrowing Descriptor) {
    let names = names(in: folder)
    let cheap = names.filter { $0.contains(CacheKey.foldedMark) }
    for name in cheap.isEmpty ? names : cheap { unlinkat(folder.number, name, 0) }
  }
}

// MARK: - Files

extension ProgramCache {
  /// A file's bytes, if root alone can have written it.
  private func contents(of name: String, in folder: borrowing Descriptor) -> [UInt8]? {
    let number = openat(folder.number, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard number >= 0 else { return nil }
    let file = Descriptor(number)
    var info = stat()
    // SAFETY: the call fills the structure that it is given.
    guard fstat(file.number, &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_uid == 0,
      info.st_mode & 0o022 == 0, info.st_size <= Self.imageMax
    else { return nil }
    let size = Int(info.st_size)
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      // SAFETY: base address and count describe one writable buffer.
      count = max(0, read(file.number, buffer.baseAddress, buffer.count))
    }
    return bytes.count == size ? bytes : nil
  }

  private func write(_ bytes: [UInt8], to name: String, in folder: borrowing Descriptor) -> Bool {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let number = openat(folder.number, name, flags, 0o600)
    guard number >= 0 else { return false }
    let file = Descriptor(number)
    return bytes.withUnsafeBytes { buffer in
      // SAFETY: base address and count describe one readable buffer.
      Glibc.write(file.number, buffer.baseAddress, buffer.count) == buffer.count
    }
  }
}
