import CLibbpf
import Glibc

/// What a relocated program depends on.
package struct CacheKey {
  /// The file that it is kept in.
  let fileName: String
  /// All of it, to compare: the file's name is a hash.
  let bytes: [UInt8]

  /// Changes with the form of an entry.
  private static let version: UInt8 = 2

  /// - Returns: nil if the kernel does not say which build it is.
  init?(_ object: ProgramObject, programs: [String]) {
    guard let build = kernelBuildID() else { return nil }
    var bytes = [Self.version]
    withUnsafeBytes(of: object.hash) { bytes += $0 }
    bytes += build
    bytes += Array(String(cString: libbpf_version_string()).utf8)
    for name in programs { bytes += Array(name.utf8) + [0] }
    self.bytes = bytes
    fileName = "\(object.name)-\(String(fastHash(bytes), radix: 16))"
  }

  /// The key of what is left of the programs with the constants of a load.
  func folded(with constants: [UInt8]) -> CacheKey {
    let bytes = bytes + constants
    return CacheKey(
      fileName: "\(fileName)\(Self.foldedMark)\(String(fastHash(bytes), radix: 16))", bytes: bytes)
  }

  /// What the names of files have that can be made again in less than a millisecond.
  static let foldedMark: Character = "."

  /// A key of these bytes.
  package init(fileName: String, bytes: [UInt8]) {
    self.fileName = fileName
    self.bytes = bytes
  }
}

/// The identity of the running kernel's build: what its linker wrote into /sys/kernel/notes.
private func kernelBuildID() -> [UInt8]? {
  guard let notes = fileContents("/sys/kernel/notes") else { return nil }
  return buildID(in: notes)
}

/// The descriptor of the note NT_GNU_BUILD_ID (elf(5)).
func buildID(in notes: [UInt8]) -> [UInt8]? {
  func number(_ at: Int) -> Int {
    // SAFETY: callers ask only for what is inside.
    notes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: at, as: UInt32.self)) }
  }
  func padded(_ size: Int) -> Int { (size + 3) & ~3 }
  let header = 12
  var at = 0
  while notes.count - at >= header {
    let name = at + header
    let content = name + padded(number(at))
    let end = content + number(at + 4)
    guard end <= notes.count else { return nil }
    // NT_GNU_BUILD_ID
    if number(at + 8) == 3 && notes[name..<content].elementsEqual("GNU\0".utf8) {
      return Array(notes[content..<end])
    }
    at = content + padded(number(at + 4))
  }
  return nil
}

/// A cache file: a header that says what it is, and then the image.
package enum CacheEntry {
  private static let magic = Array("kiter program\n".utf8)

  private static func start(_ key: CacheKey) -> [UInt8] {
    let count = UInt16(key.bytes.count)
    return magic + [UInt8(count & 0xff), UInt8(count >> 8)] + key.bytes
  }

  package static func bytes(key: CacheKey, body: [UInt8]) -> [UInt8] {
    var bytes = start(key)
    withUnsafeBytes(of: fastHash(body)) { bytes += $0 }
    return bytes + body
  }

  /// The image in a file; nil if it is damaged, or of another key.
  package static func body(of file: [UInt8], key: CacheKey) -> [UInt8]? {
    let start = start(key)
    let header = start.count + 8
    guard file.count >= header, file.starts(with: start) else { return nil }
    let body = Array(file[header...])
    // SAFETY: the header is inside.
    let sum = file.withUnsafeBytes {
      $0.loadUnaligned(fromByteOffset: start.count, as: UInt64.self)
    }
    return sum == fastHash(body) ? body : nil
  }
}

/// FNV-1a over eight bytes at a time: finds damage, and would not find a forger.
func fastHash(_ bytes: [UInt8]) -> UInt64 {
  bytes.withUnsafeBytes { bytes in
    var hash = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.count)
    var at = 0
    while at < bytes.count {
      var word: UInt64 = 0
      if bytes.count - at >= 8 {
        // SAFETY: eight bytes from `at` are inside.
        word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      } else {
        for byte in bytes[at...] { word = word << 8 | UInt64(byte) }
      }
      hash = (hash ^ word) &* 0x100_0000_01b3
      hash ^= hash >> 29
      at += 8
    }
    return hash
  }
}
