import Glibc

/// `shared-sockets`: sockets that more than one process holds, that one holds twice, that a thread
/// with a table of its own holds, that one process got from another, and one that is on its way.
///
/// Facts: each socket with its inode and its holders.
func sharedSockets(_ arguments: [String]) throws -> KnownState {
  try check("unshare", linuxUnshare(Linux.cloneNewNetwork))
  let (channel, underWay) = (try unixPair(), try unixPair())
  let taken = try Announcement()
  let receiver = try Child {
    taken.send("\(try receiveDescriptor(from: channel.1))")
    sleepForEver()
  }
  let shared = try TCP.listen(on: .any4)
  let sharer = try Child {
    taken.close()
    sleepForEver()
  }
  // Children first: they are copies of a process with one thread.
  let answer = try makePipe()
  try startThread { holdAlone(reportTo: answer.write, without: taken) }
  var alone = [UInt8](repeating: 0, count: 64)
  // SAFETY: read is given the size of the buffer.
  alone.removeLast(alone.count - max(0, read(answer.read, &alone, alone.count)))
  let words = String(decoding: alone, as: UTF8.self).split(separator: " ").compactMap { Int($0) }
  guard words.count == 3 else { throw SystemError(call: "the thread", code: EIO) }

  let twice = try UDP.bound(to: .any6)
  let again = try check("dup", dup(twice))
  let (passed, onItsWay) = (try TCP.listen(on: .any4), try TCP.listen(on: .any6))
  let (passedInode, wayInode) = (try inode(passed), try inode(onItsWay))
  try send(passed, through: channel.0)
  try send(onItsWay, through: underWay.0)
  close(passed)
  close(onItsWay)
  let takenAs = Int(taken.receive()) ?? -1
  let here = Int(getpid())
  return KnownState(
    facts: [
      "sockets": [
        socket(
          "shared", try inode(shared),
          [(here, here, shared), (here, words[0], shared)]
            + [(Int(sharer.pid), Int(sharer.pid), shared)]),
        socket("twice", try inode(twice), [(here, here, twice), (here, here, again)]),
        socket("alone", words[2], [(here, words[0], Int32(words[1]))]),
        socket("passed", passedInode, [(Int(receiver.pid), Int(receiver.pid), Int32(takenAs))]),
        socket("on_its_way", wayInode, []),
      ]
    ],
    resources: [receiver, sharer])
}

private func socket(
  _ role: String, _ inode: Int, _ holders: [(pid: Int, tid: Int, fd: Int32)]
) -> JSON {
  [
    "role": .string(role), "inode": .number(inode),
    "holders": .array(
      holders.map { ["pid": .number($0.pid), "tid": .number($0.tid), "fd": .number($0.fd)] }),
  ]
}

/// Takes a copy of the table and adds a socket to it; reports the thread, descriptor and inode.
private func holdAlone(reportTo pipe: Int32, without other: Announcement) {
  do {
    try check("unshare", linuxUnshare(Linux.cloneFiles))
    other.close()
    let own = try UDP.bound(to: .any4)
    writeAll("\(linuxGettid()) \(own) \(try inode(own))", to: pipe)
    sleepForEver()
  } catch {
    complain("kiter-fixture shared-sockets: \(error)")
    exit(1)
  }
}

private func inode(_ descriptor: Int32) throws(SystemError) -> Int {
  var status = stat()
  // SAFETY: fstat fills the structure.
  try check("fstat", fstat(descriptor, &status))
  return Int(status.st_ino)
}

/// Room for one byte and one descriptor (SCM_RIGHTS), as sendmsg(2) and recvmsg(2) take them.
private final class DescriptorMessage {
  /// struct cmsghdr: a size of 8 bytes, level and type; then the descriptor, and 4 to align.
  private static let (headerSize, size) = (16, 24)
  private static let rights: Int32 = 1
  private let control = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
  private let byte = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)

  init(_ descriptor: Int32) {
    // SAFETY: the structure has room for each of these, where the kernel looks for them.
    control.storeBytes(of: Self.headerSize + 4, as: Int.self)
    control.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: Int32.self)
    control.storeBytes(of: Self.rights, toByteOffset: 12, as: Int32.self)
    control.storeBytes(of: descriptor, toByteOffset: Self.headerSize, as: Int32.self)
    byte.storeBytes(of: 0x2e, as: UInt8.self)
  }

  deinit {
    control.deallocate()
    byte.deallocate()
  }

  // SAFETY: as in `init`.
  var descriptor: Int32 { control.load(fromByteOffset: Self.headerSize, as: Int32.self) }

  func hand(to call: (inout msghdr) -> Int) -> Int {
    var part = iovec(iov_base: byte, iov_len: 1)
    // SAFETY: the parts outlive the call.
    return withUnsafeMutablePointer(to: &part) { part in
      var message = msghdr()
      message.msg_iov = part
      message.msg_iovlen = 1
      message.msg_control = control.baseAddress
      message.msg_controllen = Self.size
      return call(&message)
    }
  }
}

private func send(_ descriptor: Int32, through socket: Int32) throws(SystemError) {
  // SAFETY: the message is whole.
  try check("sendmsg", DescriptorMessage(descriptor).hand { sendmsg(socket, &$0, 0) })
}

private func receiveDescriptor(from socket: Int32) throws(SystemError) -> Int32 {
  let message = DescriptorMessage(-1)
  // SAFETY: the message has the room that it says.
  try check("recvmsg", message.hand { recvmsg(socket, &$0, 0) })
  return message.descriptor
}
