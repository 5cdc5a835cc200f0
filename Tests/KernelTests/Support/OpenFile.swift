import Foundation
import Glibc

// Not in Swift's `Glibc` module, because it is variadic.
@_silgen_name("syscall") private func linuxCall(_ number: Int, _ a: Int, _ b: Int, _ c: Int) -> Int

/// All that can be known of an open file of a process from outside: what /proc says, and what the
/// file itself answers through a duplicate of its descriptor.
struct OpenFile: Equatable {
  struct Key: Hashable { let pid, fd: Int32 }

  let key: Key
  let comm: [UInt8]
  let euid: UInt32
  let link: [UInt8]
  let flags: UInt32
  let position: Int64
  let mountID: Int
  let inode: UInt64
  let status: FileStatus
  let bpfID: Int64?
  let answers: Answers?
  /// The line of /proc/net/tcp, tcp6, udp or udp6, and that of /proc/net/unix.
  let inet: ProcSocket?
  let unix: ProcUnixSocket?

  /// What the file answers.
  struct Answers: Equatable {
    /// ESPIPE: it has no position.
    let canSeek: Bool?
    let socket: Socket?
  }

  /// What a socket answers.
  struct Socket: Equatable {
    let family, type, protocolNumber: Int32
    /// The inode of its network namespace.
    let netNamespace: UInt64
    /// Where it is bound: nil if it has no port.
    let local: SocketEnd?
  }

  /// The files of all processes; those that vanish meanwhile are left out.
  static func all() throws -> [Key: OpenFile] {
    var tables = SocketTables()
    var files: [Key: OpenFile] = [:]
    for task in try ProcTask.all() {
      guard let status = try? task.status, let comm = try? task.comm,
        let descriptors = try? ProcDescriptor.all(of: task.pid)
      else { continue }
      // The kernel refuses some processes even to root; what only they answer is not compared.
      let process = ProcessDescriptor(task.pid)
      for descriptor in descriptors {
        let answers = process?.answers(descriptor.fd)
        tables.read(answers?.socket?.netNamespace, from: task.pid)
        guard let seen = descriptor.status else { continue }
        let key = Key(pid: task.pid, fd: descriptor.fd)
        files[key] = OpenFile(
          key: key, comm: comm, euid: UInt32(status.uids.effective), link: descriptor.link,
          flags: descriptor.flags, position: descriptor.position, mountID: descriptor.mountID,
          inode: descriptor.inode, status: seen, bpfID: bpfID(descriptor), answers: answers,
          inet: tables.inet[descriptor.inode], unix: tables.unix[descriptor.inode])
      }
    }
    return files
  }

  private static func bpfID(_ descriptor: ProcDescriptor) -> Int64? {
    let names = [
      "anon_inode:bpf-map": "map_id", "anon_inode:bpf-prog": "prog_id",
      "anon_inode:bpf_link": "link_id", "anon_inode:btf": "btf_id",
    ]
    return names[String(decoding: descriptor.link, as: UTF8.self)].flatMap {
      try? descriptor.details.number($0)
    }
  }
}

/// The sockets of all network namespaces in which there are processes, by inode.
private struct SocketTables {
  private(set) var inet: [UInt64: ProcSocket] = [:]
  private(set) var unix: [UInt64: ProcUnixSocket] = [:]
  private var namespaces: Set<UInt64> = []

  mutating func read(_ namespace: UInt64?, from pid: Int32) {
    guard let namespace, !namespaces.contains(namespace),
      (try? ProcTask(pid).namespace("net")) == namespace
    else { return }
    namespaces.insert(namespace)
    for table in SocketTable.allCases {
      for socket in (try? ProcSocket.all(table, in: pid)) ?? [] { inet[socket.inode] = socket }
    }
    for socket in (try? ProcUnixSocket.all(in: pid)) ?? [] { unix[socket.inode] = socket }
  }
}

/// Takes duplicates of a process's descriptors.
private final class ProcessDescriptor {
  private let pidfd: Int32

  init?(_ pid: Int32) {
    pidfd = Int32(linuxCall(434, Int(pid), 0, 0))
    if pidfd < 0 { return nil }
  }

  deinit { close(pidfd) }

  func answers(_ fd: Int32) -> OpenFile.Answers? {
    let copy = Int32(linuxCall(438, Int(pidfd), Int(fd), 0))
    guard copy >= 0 else { return nil }
    defer { close(copy) }
    let position = lseek(copy, 0, SEEK_CUR)
    // Other errors than these say nothing of whether there is a position.
    let canSeek = position >= 0 ? true : errno == ESPIPE || errno == EBADF ? false : nil
    return OpenFile.Answers(canSeek: canSeek, socket: OpenFile.Socket(copy))
  }
}

extension OpenFile.Socket {
  /// nil if the file is no socket.
  init?(_ socket: Int32) {
    let requestNamespace: UInt = 0x894c
    guard let family = Self.option(socket, SO_DOMAIN), let type = Self.option(socket, SO_TYPE),
      let number = Self.option(socket, SO_PROTOCOL)
    else { return nil }
    let namespace = ioctl(socket, requestNamespace, 0)
    defer { if namespace >= 0 { close(namespace) } }
    var status = Glibc.stat()
    // SAFETY: fstat fills the structure.
    guard fstat(namespace, &status) == 0 else { return nil }
    (self.family, self.type, protocolNumber) = (family, type, number)
    netNamespace = UInt64(status.st_ino)
    local = Self.local(socket, family)
  }

  private static func option(_ socket: Int32, _ name: Int32) -> Int32? {
    var value: Int32 = 0
    var size = socklen_t(4)
    // SAFETY: four bytes are asked for and the size says so.
    return getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
  }

  private static func local(_ socket: Int32, _ family: Int32) -> SocketEnd? {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    // SAFETY: a sockaddr_storage holds any address, and its size is passed.
    let result = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &size) }
    }
    // SAFETY: the bytes of the structure are copied.
    let raw = withUnsafeBytes(of: storage) { Array($0) }
    let port = UInt16(raw[2]) << 8 | UInt16(raw[3])
    guard result == 0, port != 0, family == AF_INET || family == AF_INET6 else { return nil }
    return SocketEnd(address: Array(family == AF_INET ? raw[4..<8] : raw[8..<24]), port: port)
  }
}
