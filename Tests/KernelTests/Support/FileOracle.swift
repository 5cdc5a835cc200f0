import Foundation
import Glibc

/// What /proc says of an open file of a process.
struct ProcDescriptor {
  let fd: Int32
  /// The target of the link: a path, or such as `socket:[1234]`.
  let link: [UInt8]
  let position: Int64
  /// The flags of `open`, and O_CLOEXEC when the descriptor has it.
  let flags: UInt32
  let mountID: Int
  let inode: UInt64
  /// What the kind of file adds, such as `eventfd-count` and `Pid`.
  let details: NamedValues
  /// The file itself, through the link; nil where that cannot be followed.
  let status: FileStatus?

  /// Reads all that is known of one descriptor.
  init(_ pid: Int32, _ fd: Int32) throws {
    self.fd = fd
    link = try ProcFiles.link("/proc/\(pid)/fd/\(fd)")
    details = NamedValues(try ProcFiles.text("/proc/\(pid)/fdinfo/\(fd)"))
    position = try details.number("pos")
    flags = try details.number("flags", radix: 8)
    mountID = try details.number("mnt_id")
    inode = try details.number("ino")
    status = try? FileStatus("/proc/\(pid)/fd/\(fd)")
  }

  /// The open files of a process; those that are closed meanwhile are left out.
  static func all(of pid: Int32) throws -> [ProcDescriptor] {
    try ProcFiles.numbers(in: "/proc/\(pid)/fd").compactMap { try? ProcDescriptor(pid, $0) }
  }
}

/// What stat(2) says.
struct FileStatus: Equatable {
  let device, inode, links, specialDevice: UInt64
  let mode: UInt32
  let size: Int64
  let uid, gid: UInt32

  /// Asks for the file at a path; links are followed.
  init(_ path: String) throws {
    var status = Glibc.stat()
    // SAFETY: stat fills the structure that it is given.
    guard stat(path, &status) == 0 else {
      throw SystemCallError(call: "stat \(path)", code: errno)
    }
    (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    (links, specialDevice) = (UInt64(status.st_nlink), UInt64(status.st_rdev))
    (mode, size) = (UInt32(status.st_mode), Int64(status.st_size))
    (uid, gid) = (UInt32(status.st_uid), UInt32(status.st_gid))
  }
}
