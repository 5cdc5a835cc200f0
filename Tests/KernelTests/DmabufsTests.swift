import Foundation
import Glibc
import Testing

@Suite(.kernel(.alone), .needsIterator("dmabuf", since: "6.16")) struct DmabufsTests {
  @Test(.enabled(if: SharedBuffer.canBeMade, "neither /dev/udmabuf nor /dev/dma_heap/system"))
  func equalsFdinfo() throws {
    // More than one buffer of the kernel's file could hold: it gives no second.
    let buffers = try (1...500).map { try SharedBuffer(pages: $0 % 3 + 1, name: "kiter \($0)") }
    let second = dup(buffers[0].descriptor)
    defer { close(second) }
    let rows = try Kiter.rows("dmabufs", "--columns", "all")
    let byInode = Dictionary(uniqueKeysWithValues: rows.map { ($0.number("inode") ?? 0, $0) })
    var comparison = FieldComparison("dmabufs")
    for buffer in buffers {
      let facts = try buffer.facts()
      let place = facts["name"] ?? ""
      let row = try #require(byInode[facts["ino"].flatMap(Int64.init) ?? 0], "\(place)")
      for (field, fact) in [("inode", "ino"), ("size_bytes", "size"), ("refcount", "count")] {
        comparison.compare(field, row.number(field), facts[fact].flatMap(Int64.init), in: place)
      }
      comparison.compare("exporter", row.text("exporter"), facts["exp_name"], in: place)
      comparison.compare("name", row.text("name"), facts["name"], in: place)
      comparison.compare("device", row.text("device"), try buffer.device(), in: place)
    }
    withExtendedLifetime(buffers) {}
    try comparison.finish()
  }

  /// All that the kernel's own list has, and nothing else.
  @Test func hasAsManyAsTheKernelsList() throws {
    let list = "mountpoint -q $0 || mount -t debugfs debugfs $0; cat $0/dma_buf/bufinfo"
    let output = try Command.run([
      "unshare", "--mount", "sh", "-c", list, "/sys/kernel/debug",
    ])
    let total = try #require(
      output.text.firstMatch(of: #/Total (\d+) objects/#), "\(output.stderr)")
    #expect(try Kiter.rows("dmabufs").count == Int(total.1))
  }

  /// The kernel would end after 32 KiB, and say nothing.
  @Test func noEngineEndsEarly() throws {
    let output = try Kiter.run(["dmabufs", "--engine", "seq"])
    #expect(output.status == 64)
    #expect(output.stderr.contains("does not say that there is more"), "\(output.stderr)")
  }
}

@_silgen_name("memfd_create") private func linuxMemfd(
  _ name: UnsafePointer<CChar>, _ flags: UInt32
) -> Int32
private let allowSealing: UInt32 = 2  // MFD_ALLOW_SEALING
private let (addSeals, sealShrink): (Int32, Int32) = (1033, 2)  // F_ADD_SEALS, F_SEAL_SHRINK

/// A buffer that this process holds by one descriptor.
private final class SharedBuffer {
  static let canBeMade =
    access("/dev/udmabuf", R_OK | W_OK) == 0 || access("/dev/dma_heap/system", R_OK) == 0

  let descriptor: Int32

  init(pages: Int, name: String) throws {
    let size = UInt64(pages * Int(sysconf(Int32(_SC_PAGESIZE))))
    descriptor =
      access("/dev/udmabuf", R_OK | W_OK) == 0
      ? try Self.ofMemory(size) : try Self.ofHeap(size)
    // SAFETY: DMA_BUF_SET_NAME takes the address of a C string.
    let result = name.withCString {
      ioctl(descriptor, 0x4008_6201, UnsafeMutableRawPointer(mutating: $0))
    }
    guard result == 0 else { throw Fixture.Failure(description: "DMA_BUF_SET_NAME: \(errno)") }
  }

  deinit { close(descriptor) }

  /// `struct udmabuf_create` of a sealed memory file.
  private static func ofMemory(_ size: UInt64) throws -> Int32 {
    let memory = linuxMemfd("kiter", allowSealing)
    let device = open("/dev/udmabuf", O_RDWR)
    defer { for file in [memory, device] { close(file) } }
    guard ftruncate(memory, off_t(size)) == 0, fcntl(memory, addSeals, sealShrink) == 0 else {
      throw Fixture.Failure(description: "no memory file: \(errno)")
    }
    var request = (memory: memory, flags: UInt32(0), offset: UInt64(0), size: size)
    // SAFETY: UDMABUF_CREATE reads the structure, which has the members that it says.
    let made = ioctl(device, 0x4018_7542, &request)
    guard made >= 0 else { throw Fixture.Failure(description: "UDMABUF_CREATE: \(errno)") }
    return made
  }

  /// `struct dma_heap_allocation_data` of the system's heap.
  private static func ofHeap(_ size: UInt64) throws -> Int32 {
    let heap = open("/dev/dma_heap/system", O_RDONLY)
    defer { close(heap) }
    var request = (size: size, descriptor: Int32(0), flags: UInt32(O_RDWR), heap: UInt64(0))
    // SAFETY: DMA_HEAP_IOCTL_ALLOC fills the structure, which has the members that it says.
    guard ioctl(heap, 0xc018_4800, &request) == 0 else {
      throw Fixture.Failure(description: "DMA_HEAP_IOCTL_ALLOC: \(errno)")
    }
    return request.descriptor
  }

  /// What the kernel says of it: `size:	4096`.
  func facts() throws -> [String: String] {
    let lines = try ProcFiles.text("/proc/self/fdinfo/\(descriptor)").split(separator: "\n")
    return lines.reduce(into: [:]) { facts, line in
      let parts = line.split(separator: "\t", maxSplits: 1)
      if parts.count == 2 { facts[String(parts[0].dropLast())] = String(parts[1]) }
    }
  }

  func device() throws -> String {
    var status = stat()
    // SAFETY: fstat fills the structure.
    guard fstat(descriptor, &status) == 0 else { throw Fixture.Failure(description: "fstat") }
    return deviceText(UInt64(status.st_dev))
  }
}
