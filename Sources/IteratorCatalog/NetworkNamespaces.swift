import KernelIterators
import RecordSchema

/// The host's network namespaces, each once, with all ways into each: the threads in it, descriptors
/// of namespaces and sockets, and where it is mounted, in any mount namespace that can be seen.
///
/// - Parameter cache: where relocated programs are kept between runs; nil for nowhere.
/// - Returns: them, by their numbers.
/// - Throws: `IteratorError`.
func networkNamespaces(_ cache: ProgramCache?) throws(IteratorError) -> [NetworkNamespace] {
  do {
    var search = NetworkSearch(cache)
    try search.lookAtThreads()
    try search.lookAtFiles()
    return search.doors.map { NetworkNamespace(number: $0.key, doors: $0.value) }
      .sorted { $0.number < $1.number }
  } catch let error as IteratorError {
    throw error
  } catch {
    throw IteratorError(
      iterator: "tasks", stage: .read, cause: .failed, advice: "\(error)")
  }
}

private struct NetworkSearch {
  /// The ways into each namespace that was found.
  private(set) var doors: [UInt32: [NetworkNamespace.Door]] = [:]
  private let cache: ProgramCache?

  /// The number of the file system of namespaces: include/uapi/linux/magic.h.
  private static var namespaceMagic: UInt32 { 0x6e73_6673 }

  init(_ cache: ProgramCache?) { self.cache = cache }

  mutating func lookAtThreads() throws {
    lookAtMounts(of: "self")
    var seen: Set<UInt32> = []
    for task in try snapshot(
      TasksRecord.self, columns: [.tid, .netNs, .mntNs], parameters: ["threads": 1])
    {
      guard let thread = task.tid else { continue }
      if let network = task.netNs { doors[network, default: []].append(.thread(thread)) }
      // One that can be looked at stands for all in the same.
      if let mounts = task.mntNs, !seen.contains(mounts), lookAtMounts(of: "\(thread)") {
        seen.insert(mounts)
      }
    }
  }

  mutating func lookAtFiles() throws {
    for file in try snapshot(
      FilesRecord.self, columns: [.tid, .fd, .inode, .path],
      parameters: ["magic": Self.namespaceMagic])
    {
      guard let thread = file.tid, let descriptor = file.fd, let inode = file.inode,
        file.path?.starts(with: "net:") == true
      else { continue }
      doors[UInt32(truncatingIfNeeded: inode), default: []]
        .append(.file(thread: thread, descriptor: descriptor))
    }
    for socket in try snapshot(
      FilesRecord.self, columns: [.pid, .tid, .fd, .netNs],
      parameters: ["magic": Holders.magic(of: .socket)])
    {
      guard let thread = socket.tid, let descriptor = socket.fd, let network = socket.netNs
      else { continue }
      doors[network, default: []].append(
        .socket(thread: thread, isLeader: socket.pid == thread, descriptor: descriptor))
    }
  }

  private func snapshot<Record: KernelRecord>(
    _ table: Record.Type, columns: [Record.Column], parameters: [String: UInt32]
  ) throws -> Snapshot<Record> {
    let projection = try Projection(table.schema, columns: columns.map(\.rawValue))
    var request = TableRequest(projection)
    request.parameters = parameters
    request.cache = cache
    return try Snapshot(
      KernelSource(table.files, request), projection: projection, host: .live())
  }

  /// - Returns: false if they cannot be read.
  @discardableResult
  private mutating func lookAtMounts(of thread: String) -> Bool {
    guard let text = fileContents("/proc/\(thread)/mountinfo") else { return false }
    for line in text.split(separator: UInt8(ascii: "\n")) {
      // Number, parent, device, root, path: the root of a namespace is "net:[4026531840]".
      let words = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
      guard words.count == 6, words[3].starts(with: "net:[".utf8),
        let number = UInt32(String(decoding: words[3].dropFirst(5).dropLast(), as: UTF8.self))
      else { continue }
      let path = "/proc/\(thread)/root" + unescaped(words[4])
      doors[number, default: []].append(.mount(path))
    }
    return true
  }
}

/// A path of mountinfo, in which white space is written in octal digits behind a backslash.
private func unescaped(_ path: ArraySlice<UInt8>) -> String {
  var (bytes, rest): ([UInt8], ArraySlice<UInt8>) = ([], path)
  while let byte = rest.popFirst() {
    if byte == UInt8(ascii: "\\"), rest.count >= 3 {
      bytes.append(rest.prefix(3).reduce(0) { $0 &* 8 &+ ($1 &- UInt8(ascii: "0")) })
      rest = rest.dropFirst(3)
    } else {
      bytes.append(byte)
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}
