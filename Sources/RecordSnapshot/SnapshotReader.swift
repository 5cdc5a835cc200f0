import Glibc

/// Reads and checks blocks of a snapshot file.
struct SnapshotReader {
  let path: String
  let descriptor: Int32
  /// Where reading ends, in bytes from the file's start.
  let size: Int

  /// Opens a file.
  init(_ path: String) throws(SnapshotError) {
    self.path = path
    // A pipe's other end is not waited for: only regular files are taken.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw SnapshotError(path, failed: "opening it") }
    var status = stat()
    // SAFETY: the call fills the structure that it is given.
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw SnapshotError(path, "is no regular file; save the snapshot to one, and name that")
    }
    size = Int(status.st_size)
  }

  /// Reads on in a file that has been opened, up to `end`.
  init(_ path: String, _ descriptor: Int32, end: Int) {
    self.path = path
    self.descriptor = descriptor
    size = end
  }

  /// Makes sure that the file is a snapshot of a form that this version reads.
  ///
  /// - Returns: where the first block is.
  func readFirstLine() throws(SnapshotError) -> Int {
    let line = Array(SnapshotBlock.firstLine.utf8)
    let start = line.dropLast(2)
    let found = try bytes(at: 0, count: min(line.count, size))
    guard found.starts(with: start) else {
      throw SnapshotError(path, "is no snapshot of kiter; kiter snapshot -o FILE makes one")
    }
    guard found.count == line.count else { throw endsEarly }
    guard found == line else {
      throw SnapshotError(path, "is a snapshot of another form: read it with a newer kiter")
    }
    return line.count
  }

  /// Reads and inflates the block at a position, and moves behind it.
  func block(_ position: inout Int) throws(SnapshotError) -> (
    kind: SnapshotBlock.Kind, content: [UInt8]
  ) {
    let start = position
    let (block, bytes) = try checked(&position)
    guard let content = bytes.withUnsafeBytes({ block.inflated($0) }) else {
      throw damaged("has a block that does not inflate", start)
    }
    return (block.kind, content)
  }

  /// Checks the block at a position, and moves behind it.
  ///
  /// - Returns: what it holds, and how many bytes it inflates to.
  func skip(_ position: inout Int) throws(SnapshotError) -> (SnapshotBlock.Kind, Int) {
    let (block, _) = try checked(&position)
    return (block.kind, block.size)
  }

  private func checked(_ position: inout Int) throws(SnapshotError) -> (SnapshotBlock, [UInt8]) {
    let start = position
    guard size - start >= SnapshotBlock.headerSize else { throw endsEarly }
    let header = try bytes(at: start, count: SnapshotBlock.headerSize)
    guard let block = header.withUnsafeBytes({ SnapshotBlock($0) }) else {
      throw damaged("is damaged", start)
    }
    let content = start + SnapshotBlock.headerSize
    guard size - content >= block.stored else { throw endsEarly }
    let bytes = try bytes(at: content, count: block.stored)
    let isGood = header.withUnsafeBytes { header in
      bytes.withUnsafeBytes { block.matches(header, $0) }
    }
    guard isGood else { throw damaged("is damaged", start) }
    position = content + block.stored
    return (block, bytes)
  }

  private func bytes(at position: Int, count: Int) throws(SnapshotError) -> [UInt8] {
    var failure: SnapshotError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
      while done < count {
        let rest = UnsafeMutableBufferPointer(rebasing: buffer[done...])
        // SAFETY: base address and count describe what is left of the buffer.
        let read = pread(descriptor, rest.baseAddress, rest.count, position + done)
        if read < 0 && errno == EINTR { continue }
        if read <= 0 {
          failure = read == 0 ? endsEarly : SnapshotError(path, failed: "reading")
          return
        }
        done += read
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Something is wrong with the block at a position.
  func damaged(_ what: String, _ position: Int) -> SnapshotError {
    SnapshotError(path, "\(what), at byte \(position); copy it again, or make it anew")
  }

  private var endsEarly: SnapshotError {
    SnapshotError(path, "ends early, at byte \(size); copy it again, or make it anew")
  }
}
