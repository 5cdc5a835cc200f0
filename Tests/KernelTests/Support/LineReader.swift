import Foundation
import Glibc

/// Reads lines from a descriptor, one after another.
struct LineReader {
  private let descriptor: Int32
  private var rest = Data()

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// The next line; it must come within a minute.
  mutating func next() throws -> Data {
    while true {
      if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        defer { rest = Data(rest[(end + 1)...]) }
        return Data(rest[..<end])
      }
      var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      var bytes = [UInt8](repeating: 0, count: 4096)
      // SAFETY: one structure is passed, and the buffer's size.
      guard poll(&event, 1, 60_000) > 0, case let count = read(descriptor, &bytes, bytes.count),
        count > 0
      else { throw Fixture.Failure(description: "no more lines") }
      rest.append(contentsOf: bytes[..<count])
    }
  }
}
