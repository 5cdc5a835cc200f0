import Foundation
import IteratorCatalog
import RecordSchema
import Testing

/// What is read ahead is what would have been read.
@Suite struct ReadAheadTests {
  private struct Broken: Error {}

  /// Gives numbered bytes in pieces of odd sizes, and then an end or a failure.
  private struct Numbers: RecordSource {
    let total: Int
    let fails: Bool
    private(set) var given = 0

    init(total: Int, fails: Bool = false) {
      self.total = total
      self.fails = fails
    }

    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
      if given == total && fails { throw Broken() }
      let count = min(buffer.count, total - given, 1 + given % 32_768)
      for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: (given + index) % 251) }
      given += count
      return count
    }
  }

  private func contents(_ source: consuming ReadAhead<Numbers>) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = try buffer.withUnsafeMutableBytes { try source.read(into: $0) }
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    // The end stays the end.
    #expect(try buffer.withUnsafeMutableBytes { try source.read(into: $0) } == 0)
    return bytes
  }

  @Test(arguments: [0, 1, 100_000, 262_144, 3_000_000])
  func givesEveryByteInOrder(total: Int) throws {
    let bytes = try contents(ReadAhead(Numbers(total: total)))
    #expect(bytes.count == total)
    #expect(bytes.indices.allSatisfy { bytes[$0] == UInt8($0 % 251) })
  }

  @Test(arguments: [10, 3_000_000])
  func aFailureComesBehindTheBytes(total: Int) throws {
    var source = ReadAhead(Numbers(total: total, fails: true))
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    var seen = 0
    #expect(throws: Broken.self) {
      while true { seen += try buffer.withUnsafeMutableBytes { try source.read(into: $0) } }
    }
    #expect(seen == total)
  }

  @Test func whoStopsEarlyWaitsForNothing() throws {
    for _ in 0..<50 {
      var source = ReadAhead(Numbers(total: .max))
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      for _ in 0..<40 { _ = try buffer.withUnsafeMutableBytes { try source.read(into: $0) } }
    }
  }
}
