import Glibc
import IteratorCatalog
import RecordSchema
import Testing

/// Sockets of one port are in one bucket of the kernel's table; it changes between two reads.
@Suite(.kernel) struct ChangingBucketTests {
  @Test(arguments: [("udp", SOCK_DGRAM), ("tcp", SOCK_STREAM)])
  func eachSocketThatStaysIsShownOnce(program: String, type: __socket_type) throws {
    let bucket = try Bucket(type)
    defer { bucket.close() }
    let projection = try Projection(
      SocketsRecord.schema, columns: SocketsRecord.schema.columns.map(\.name))
    var request = TableRequest(projection)
    request.programs = [program]
    let source = try DisturbedSource(source: KernelSource(SocketsRecord.files, request)) {
      bucket.change()
    }
    let snapshot = try Snapshot<SocketsRecord>(source, projection: projection, host: .live())
    let shown = snapshot.filter { $0.localPort == bucket.port }.compactMap(\.cookie)
    #expect(bucket.changes > 20, "the walk was not disturbed")
    #expect(Set(shown).count == shown.count, "a socket is shown twice")
    #expect(Set(shown).isSuperset(of: bucket.staying), "a socket is lost")
  }
}

/// A kernel that shows every socket again.
@Suite(.kernel) struct RepeatingKernelTests {
  private struct TwoWalks: RecordSource, ~Copyable {
    var first: KernelSource
    var second: KernelSource

    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
      let count = try first.read(into: buffer)
      return try count > 0 ? count : second.read(into: buffer)
    }
  }

  /// Without the column that would tell.
  @Test func eachSocketIsThereOnce() throws {
    let bucket = try Bucket(SOCK_DGRAM)
    defer { bucket.close() }
    let projection = try Projection(SocketsRecord.schema, columns: ["local_port"])
    var request = TableRequest(projection)
    request.programs = ["udp"]
    let walks = try TwoWalks(
      first: KernelSource(SocketsRecord.files, request),
      second: KernelSource(SocketsRecord.files, request))
    let snapshot = try Snapshot<SocketsRecord>(walks, projection: projection, host: .live())
    #expect(snapshot.count { $0.localPort == bucket.port } == 400)
  }
}

/// Small reads of a source, before each of which something happens.
private struct DisturbedSource: RecordSource, ~Copyable {
  var source: KernelSource
  let disturb: () -> Void

  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    disturb()
    return try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(2048)))
  }
}

/// Sockets at one address and port, some of which come and go.
private final class Bucket {
  private let type: __socket_type
  private(set) var port: UInt16 = 0
  private var passing: [Int32] = []
  private var kept: [Int32] = []
  /// The numbers of those that stay.
  private(set) var staying: Set<UInt64> = []
  private(set) var changes = 0

  init(_ type: __socket_type) throws {
    self.type = type
    for index in 0..<400 {
      let number = try socketAtPort()
      if index.isMultiple(of: 4) {
        passing.append(number)
      } else {
        kept.append(number)
        staying.insert(try cookie(of: number))
      }
    }
  }

  /// Two go, the first and the last, and two come.
  func change() {
    changes += 1
    Glibc.close(passing.removeFirst())
    Glibc.close(passing.removeLast())
    for _ in 0..<2 { if let number = try? socketAtPort() { passing.append(number) } }
  }

  func close() { for number in passing + kept { Glibc.close(number) } }

  private func socketAtPort() throws -> Int32 {
    let number = socket(AF_INET, Int32(type.rawValue), 0)
    var yes: Int32 = 1
    let sharePort: Int32 = 15
    // SAFETY: SO_REUSEPORT has four bytes.
    try #require(setsockopt(number, SOL_SOCKET, sharePort, &yes, 4) == 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    address.sin_port = port.bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    // SAFETY: the structure has the size that is passed; getsockname fills it.
    let isBound = withUnsafeMutableBytes(of: &address) { bytes in
      let place = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      return bind(number, place, size) == 0 && getsockname(number, place, &size) == 0
    }
    try #require(isBound)
    port = UInt16(bigEndian: address.sin_port)
    if type == SOCK_STREAM { try #require(listen(number, 1) == 0) }
    return number
  }

  private func cookie(of number: Int32) throws -> UInt64 {
    let option: Int32 = 57
    var (cookie, size): (UInt64, socklen_t) = (0, 8)
    // SAFETY: SO_COOKIE has eight bytes.
    try #require(getsockopt(number, SOL_SOCKET, option, &cookie, &size) == 0)
    return cookie
  }
}
