import Foundation
import Testing

@testable import KernelIterators

/// What a cache gives back, and what it does not trust.
@Suite struct ProgramCacheTests {
  private static let image = ProgramImage(
    types: [1, 2, 3],
    maps: [
      .init(
        name: "slots", type: 2, keySize: 4, valueSize: 8, entries: 1, flags: 0, content: []),
      .init(
        name: ".rodata", type: 2, keySize: 4, valueSize: 3, entries: 1, flags: 0x80,
        content: [7, 8, 9]),
    ],
    programs: [
      .init(
        name: "walk", type: 26, attachType: 28, attachID: 99, flags: 16,
        instructions: Array(0..<16), functions: Array(0..<8), functionSize: 8)
    ])
  private static let key = CacheKey(fileName: "walk-1", bytes: [1, 2, 3, 4])

  @Test func anImageSurvivesItsCoding() throws {
    #expect(ProgramImage(encoded: Self.image.encoded) == Self.image)
  }

  @Test func aTruncatedImageIsNone() {
    let bytes = Self.image.encoded
    for count in 0..<bytes.count {
      #expect(ProgramImage(encoded: Array(bytes.prefix(count))) == nil, "\(count) bytes")
    }
    #expect(ProgramImage(encoded: bytes + [0]) == nil)
  }

  @Test func anyChangedByteOfAnEntryIsNoticed() {
    let entry = CacheEntry.bytes(key: Self.key, body: Self.image.encoded)
    #expect(CacheEntry.body(of: entry, key: Self.key) == Self.image.encoded)
    for index in entry.indices {
      var damaged = entry
      damaged[index] ^= 0x10
      #expect(CacheEntry.body(of: damaged, key: Self.key) == nil, "byte \(index)")
    }
    let other = CacheKey(fileName: "walk-1", bytes: [1, 2, 3, 5])
    #expect(CacheEntry.body(of: entry, key: other) == nil)
  }

  @Test func theBuildIDIsTheNoteOfThatKind() {
    let other: [UInt8] = [4, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0] + Array("Xen\0".utf8) + [5, 6, 0, 0]
    let note: [UInt8] =
      [4, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0] + Array("GNU\0".utf8) + [7, 8, 9, 0]
    #expect(buildID(in: other + note) == [7, 8, 9])
    #expect(buildID(in: other) == nil)
    for count in 0..<note.count - 1 { #expect(buildID(in: Array(note.prefix(count))) == nil) }
  }

  @Test func replacesMapsAlone() {
    // A map's descriptor, its value, a number like any other, and the second half of each.
    let load: [UInt8] = [0x18, 0x11, 0, 0, 5, 0, 0, 0] + Array(repeating: 0, count: 8)
    let value: [UInt8] = [0x18, 0x22, 0, 0, 6, 0, 0, 0] + Array(repeating: 0, count: 8)
    let number: [UInt8] = [0x18, 0x01, 0, 0, 5, 0, 0, 0] + Array(repeating: 0, count: 8)
    var code = load + value + number
    let isDone = code.withUnsafeMutableBytes { bytes in
      Instructions.replace(in: bytes) { $0 + 100 }
    }
    #expect(isDone)
    #expect(code[4] == 105 && code[20] == 106 && code[36] == 5)
    #expect(!code.withUnsafeMutableBytes { bytes in Instructions.replace(in: bytes) { _ in nil } })
  }
}

/// The folder that a cache is in, with root as its owner: only root can make one.
@Suite(.enabled(if: geteuid() == 0)) struct ProgramCacheFolderTests {
  private static let key = CacheKey(fileName: "walk-1", bytes: [1, 2, 3, 4])
  private static let image = ProgramImage(types: [1, 2, 3], maps: [], programs: [])

  /// Calls `body` with a cache below a folder of its own, and the path of its one entry.
  private func withCache(_ body: (ProgramCache, _ entry: String) throws -> Void) throws {
    let parent = "/tmp/kiter-cache-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let cache = ProgramCache(path: parent + "/cache")
    cache.store(Self.image, for: Self.key)
    #expect(cache.image(for: Self.key) == Self.image)
    try body(cache, cache.path + "/" + Self.key.fileName)
  }

  @Test func makesItsFoldersForRootAlone() throws {
    try withCache { cache, entry in
      for (path, mode) in [(cache.path, 0o40700), (entry, 0o100600)] {
        var info = stat()
        #expect(stat(path, &info) == 0)
        #expect(info.st_mode == mode_t(mode), "\(path)")
      }
      let state = try cache.state()
      #expect(state.entries == 1)
    }
  }

  @Test(arguments: [0o750, 0o702, 0o777])
  func trustsNoFolderThatOthersReach(mode: mode_t) throws {
    try withCache { cache, _ in
      chmod(cache.path, mode)
      #expect(cache.image(for: Self.key) == nil)
      #expect(throws: ProgramCache.Distrust.self) { try cache.state() }
    }
  }

  @Test func trustsNoFolderOfAnotherUser() throws {
    try withCache { cache, _ in
      chown(cache.path, 65534, 65534)
      #expect(cache.image(for: Self.key) == nil)
      chown(cache.path, 0, 0)
      #expect(cache.image(for: Self.key) != nil)
      let parent = String(cache.path.dropLast("/cache".count))
      chown(parent, 65534, 65534)
      #expect(cache.image(for: Self.key) == nil)
      chown(parent, 0, 0)
      chmod(parent, 0o775)
      #expect(cache.image(for: Self.key) == nil)
    }
  }

  @Test func trustsNoFileThatOthersMayWrite() throws {
    try withCache { cache, entry in
      chmod(entry, 0o620)
      #expect(cache.image(for: Self.key) == nil)
      chmod(entry, 0o600)
      chown(entry, 65534, 0)
      #expect(cache.image(for: Self.key) == nil)
    }
  }

  @Test func followsNoLinkAndWaitsForNoPipe() throws {
    try withCache { cache, entry in
      rename(entry, entry + ".moved")
      symlink(entry + ".moved", entry)
      #expect(cache.image(for: Self.key) == nil)
      unlink(entry)
      mkfifo(entry, 0o600)
      #expect(cache.image(for: Self.key) == nil)
    }
  }

  @Test func writesADamagedEntryAnew() throws {
    try withCache { cache, entry in
      truncate(entry, 20)
      #expect(cache.image(for: Self.key) == nil)
      cache.store(Self.image, for: Self.key)
      #expect(cache.image(for: Self.key) == Self.image)
      cache.remove(Self.key)
      let state = try cache.state()
      #expect(state == ProgramCache.State())
    }
  }

  @Test func staysSmall() throws {
    try withCache { cache, _ in
      for number in 0..<200 {
        cache.store(Self.image, for: CacheKey(fileName: "walk-\(number)", bytes: [UInt8(number)]))
        let state = try cache.state()
        #expect(state.entries <= 64)
      }
    }
  }
}
