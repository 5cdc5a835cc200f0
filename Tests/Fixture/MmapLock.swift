import Glibc

/// `hold-mmap-lock SECONDS`: a child whose address space is locked for writing for that long.
///
/// The child maps a file of a file system that this program serves. The kernel calls the file's
/// `mmap` with the lock of the address space held for writing, and for a file opened for direct
/// access that first writes back what is cached of it: the lock is held until the server answers.
/// Nothing else in the system waits for it.
func holdMmapLock(_ arguments: [String]) throws -> KnownState {
  let seconds = try number(arguments, at: 0)
  let directory = try TemporaryDirectory()
  try enterPrivateMounts()
  let device = try openFile("/dev/fuse", O_RDWR | O_CLOEXEC)
  try mountFuse(device, at: directory.path)
  let held = try Announcement()
  let server = try Child {
    try OneFileServer(device: device, delay: seconds) { held.send() }.serve()
  }
  // Only the server keeps the device: its end ends the file system, and with it every wait.
  close(device)
  let victim = try Child {
    held.close()
    try mapForDirectAccess("\(directory.path)/file")
  }
  _ = held.receive()
  return KnownState(
    facts: [
      "victim_pid": .number(victim.pid), "server_pid": .number(server.pid),
      "seconds": .number(seconds),
    ],
    resources: [server, victim, MountPoint(directory)])
}

/// Makes a page of the file dirty, and maps the file again so that the kernel writes the page back.
private func mapForDirectAccess(_ path: String) throws -> Never {
  let pageSize = Int(getpagesize())
  // Both are opened before there is a dirty page, for opening would write it back too.
  let cached = try openFile(path, O_RDWR)
  let direct = try openFile(path, O_RDWR)
  // SAFETY: the kernel chooses the place, and the mapping is as long as the access to it.
  let page = mmap(nil, pageSize, PROT_READ | PROT_WRITE, MAP_SHARED, cached, 0)
  try check("mmap", Int(bitPattern: page))
  page?.storeBytes(of: 1, as: UInt8.self)
  try check("mmap", Int(bitPattern: mmap(nil, pageSize, PROT_READ, MAP_PRIVATE, direct, 0)))
  sleepForEver()
}

/// What is mounted from here on is seen by this process and its children alone.
private func enterPrivateMounts() throws {
  try check("unshare", linuxUnshare(Linux.cloneNewMount))
  let recursivelyPrivate: UInt = 1 << 14 | 1 << 18
  try check("mount", mount("none", "/", nil, recursivelyPrivate, nil))
}

private func mountFuse(_ device: Int32, at path: String) throws {
  let options = "fd=\(device),rootmode=40000,user_id=0,group_id=0"
  // SAFETY: the kernel copies the options, which are text for this file system.
  let result = options.withCString { mount("kiter-fixture", path, "fuse", 0, $0) }
  try check("mount \(path)", result)
}

/// The directory that a file system is mounted on.
private final class MountPoint: Resource {
  private let directory: TemporaryDirectory

  init(_ directory: TemporaryDirectory) { self.directory = directory }

  func release() {
    let detach: Int32 = 2
    umount2(directory.path, detach)
    directory.release()
  }
}

/// A FUSE file system of one file, which answers the first write of all after a delay.
private final class OneFileServer {
  private enum Operation {
    static let (lookup, forget, getAttributes): (UInt32, UInt32, UInt32) = (1, 2, 3)
    static let (open, read, write, release): (UInt32, UInt32, UInt32, UInt32) = (14, 15, 16, 18)
    static let (initialize, interrupt, batchForget): (UInt32, UInt32, UInt32) = (26, 36, 42)
  }

  private let device: Int32
  private let delay: Int
  private let writeArrived: () -> Void
  private var opens = 0
  private var writes = 0

  init(device: Int32, delay: Int, writeArrived: @escaping () -> Void) {
    (self.device, self.delay, self.writeArrived) = (device, delay, writeArrived)
  }

  /// Answers requests until the file system is unmounted.
  func serve() throws -> Never {
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      // SAFETY: read is given the size of the buffer; the kernel passes one whole request.
      let count = read(device, &buffer, buffer.count)
      if count < 0 && errno == ENODEV { _exit(0) }
      if count < 0 { continue }
      answer(Array(buffer.prefix(count)))
    }
  }

  private func answer(_ request: [UInt8]) {
    // struct fuse_in_header: length, operation, unique number, node, and who asks, in 40 bytes.
    let operation: UInt32 = load(request, 4)
    switch operation {
    case Operation.forget, Operation.batchForget, Operation.interrupt: return
    case Operation.initialize: reply(request, words32: [7, 31, 0, 0, 0, 4096, 1] + zeros(9))
    case Operation.lookup:
      // struct fuse_entry_out: node 2, generation, how long name and attributes are valid.
      reply(request, pack64([2, 0, 1000, 1000, 0]) + attributes(node: 2))
    case Operation.getAttributes:
      reply(request, pack64([1000, 0]) + attributes(node: load(request, 16)))
    case Operation.open:
      opens += 1
      let direct: UInt64 = 1
      reply(request, pack64([0, opens > 1 ? direct : 0]))
    case Operation.read:
      reply(request, [UInt8](repeating: 0x90, count: Int(load(request, 56) as UInt32)))
    case Operation.write: answerWrite(request)
    case Operation.release: reply(request, [])
    default: reply(request, [], error: -ENOSYS)
    }
  }

  private func answerWrite(_ request: [UInt8]) {
    writes += 1
    if writes == 1 {
      writeArrived()
      // The delay is the purpose here, not a way to wait for something.
      sleep(UInt32(delay))
    }
    reply(request, words32: [load(request, 56), 0])
  }

  /// struct fuse_attr of the root directory (node 1) or of the file.
  private func attributes(node: UInt64) -> [UInt8] {
    let mode: UInt32 = node == 1 ? 0o040_755 : 0o100_644
    return pack64([node, 65536, 128, 0, 0, 0]) + pack32([0, 0, 0, mode, 1, 0, 0, 0, 4096, 0])
  }

  private func reply(_ request: [UInt8], words32 words: [UInt32]) { reply(request, pack32(words)) }

  /// struct fuse_out_header is the length, an error and the unique number of the request.
  private func reply(_ request: [UInt8], _ body: [UInt8], error: Int32 = 0) {
    let header = pack32([UInt32(16 + body.count), UInt32(bitPattern: error)])
    let message = header + pack64([load(request, 8)]) + body
    // SAFETY: write is given the length of the message. A request that was aborted has no reader.
    _ = write(device, message, message.count)
  }

  private func zeros(_ count: Int) -> [UInt32] { [UInt32](repeating: 0, count: count) }

  // SAFETY: the bytes are copied, here and below.
  private func pack32(_ words: [UInt32]) -> [UInt8] { words.withUnsafeBytes(Array.init) }

  private func pack64(_ words: [UInt64]) -> [UInt8] { words.withUnsafeBytes(Array.init) }

  private func load<Number: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: [UInt8], _ offset: Int
  ) -> Number {
    // SAFETY: checked by the buffer; unaligned loads are allowed for such types.
    bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
  }
}
