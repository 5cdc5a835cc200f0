@testable import RecordSchema
import TestRecords
import Testing

@Suite struct ValueTests {
  @Test(
    arguments: [
      ([127, 0, 0, 1], "127.0.0.1"),
      ([0, 0, 0, 0], "0.0.0.0"),
      (Array(repeating: 0, count: 16), "::"),
      (Array(repeating: 0, count: 15) + [1], "::1"),
      ([0x20, 1, 0xd, 0xb8] + Array(repeating: 0, count: 11) + [1], "2001:db8::1"),
      ([0xfe, 0x80] + Array(repeating: 0, count: 14), "fe80::"),
      (Array(repeating: 0, count: 10) + [255, 255, 10, 0, 0, 7], "::ffff:10.0.0.7"),
      ([0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1], "1:0:1::1:0:1"),
      ([0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8], "1:2:3:4:5:6:7:8"),
      ([0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8], "0:2:3:4:5:6:7:8"),
    ] as [([UInt8], String)])
  func addressesAreWrittenAsRFC5952Says(bytes: [UInt8], text: String) {
    let version: UInt8 = bytes.count == 4 ? 4 : 6
    let stored = [version, 0, 0, 0] + bytes + Array(repeating: 0, count: 16 - bytes.count)
    stored.withUnsafeBytes { #expect(IPAddress($0)?.description == text) }
  }

  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"),
      (951_782_400_123_000_000, "2000-02-29T00:00:00.123Z"),
      (1_763_841_029_999_999_999, "2025-11-22T19:50:29.999Z"),
      (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
    ] as [(UInt64, String)])
  func momentsAreWrittenAsRFC3339Says(nanoseconds: UInt64, text: String) {
    #expect(Timestamp(nanoseconds: nanoseconds).description == text)
    let digits = String(String(1_000_000_000 + nanoseconds % 1_000_000_000).dropFirst())
    let exact = Timestamp(nanoseconds: nanoseconds, precision: .nanoseconds).description
    #expect(exact == text.prefix(20) + digits + "Z")
  }

  /// The numbers are those of cputime_adjust() in kernel/sched/cputime.c, worked by hand.
  @Test(
    arguments: [
      (10, 30, 80, 0, 0, 20, 60),
      (0, 30, 80, 0, 0, 0, 80),
      (10, 0, 80, 0, 0, 80, 0),
      (10, 30, 80, 0, 70, 10, 70),
      (10, 30, 80, 30, 0, 30, 50),
      (10, 30, 50, 40, 20, 40, 20),
    ] as [(UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)])
  func processorTimeIsScaledAsTheKernelScalesIt(
    user: UInt64, system: UInt64, runtime: UInt64, previousUser: UInt64, previousSystem: UInt64,
    wantedUser: UInt64, wantedSystem: UInt64
  ) {
    let time = CPUTime(
      user: user, system: system, runtime: runtime, previousUser: previousUser,
      previousSystem: previousSystem)
    #expect(time.user == wantedUser)
    #expect(time.system == wantedSystem)
  }

  @Test(arguments: [("c/b/a/", "/a/b/c"), ("", "/"), ("leaf/", "/leaf"), ("c/b/cu", "/cu/b/c")])
  func pathsAreTurnedRound(stored: String, path: String) {
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
    defer { scratch.deallocate() }
    Array(stored.utf8).withUnsafeBytes {
      guard case .bytes(let bytes) = reversedPath(.bytes($0), scratch: scratch) else {
        Issue.record("no text")
        return
      }
      #expect(String(decoding: bytes, as: UTF8.self) == path)
    }
  }

  @Test(arguments: [("pts12", "pts/12"), ("tty1", "tty1"), ("ttyS0", "ttyS0"), ("pts", "pts")])
  func terminalsHaveTheirDevicePath(name: String, path: String) {
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
    defer { scratch.deallocate() }
    Array(name.utf8).withUnsafeBytes {
      guard case .bytes(let bytes) = terminalName(.bytes($0), scratch: scratch) else {
        Issue.record("no text")
        return
      }
      #expect(String(decoding: bytes, as: UTF8.self) == path)
    }
  }

  @Test func jiffiesFollowFromASettingInBothUnits() {
    let host = testHost()
    let value = jiffiesMilliseconds(.signed(25), finTimeout: .unsigned(15000), in: host)
    #expect(value.number == 100)
    #expect(
      jiffiesMilliseconds(.signed(-3), finTimeout: .unsigned(15000), in: host).number == 0)
    #expect(jiffiesMilliseconds(.absent, finTimeout: .unsigned(15000), in: host).number == nil)
  }

  @Test func theFirstUserOfANumberCounts() throws {
    let table = NameTable(passwd: Array("a:x:7:\nb:x:7:\nbroken\n:x:8:\n".utf8))
    let name = try #require(table.bytes(7))
    #expect(String(decoding: name, as: UTF8.self) == "a")
    #expect(table.bytes(8) == nil)
  }

  @Test func eachUserOfAFileIsFound() throws {
    let numbers: [UInt64] = [0, 1000, 4_294_967_294, 7, 65534, 3]
    let odd = "#x:x:12\n+::::::\nno:x:-1:\nhex:x:0x5:\nhuge:x:99999999999999999999:\nempty:x::\n\n"
    let lines = numbers.map { "user\($0):x:\($0):\($0)::/:/bin/sh\n" }.joined()
    let table = NameTable(passwd: Array((odd + lines).utf8.dropLast()))
    for number in numbers {
      let name = try #require(table.bytes(number))
      #expect(String(decoding: name, as: UTF8.self) == "user\(number)")
    }
    for number: UInt64 in [1, 5, 13, 999, 1001, .max] { #expect(table.bytes(number) == nil) }
    #expect(NameTable(passwd: []).bytes(0) == nil)
  }
}
