import Foundation
import Glibc

/// What the row of an open file must say.
extension OpenFile {
  func compare(_ row: Row, _ comparison: inout FieldComparison) {
    let place = "\(key.pid) \(key.fd) \(String(decoding: link, as: UTF8.self))"
    comparison.compare("pid", row.number("pid"), Int64(key.pid), in: place)
    comparison.compare("tid", row.number("tid"), Int64(key.pid), in: place)
    comparison.compare("fd", row.number("fd"), Int64(key.fd), in: place)
    comparison.compare("comm", row.bytes("comm"), comm, in: place)
    comparison.compare("uid", row.number("uid"), Int64(euid), in: place)
    comparison.compare("user", row.text("user"), userName, in: place)
    comparison.compare("flags", row.list("flags"), flagNames, in: place)
    comparison.compare("mount_id", row.number("mount_id"), Int64(mountID), in: place)
    comparison.compare("bpf_id", row.number("bpf_id"), bpfID, in: place)
    comparison.compare("path", row.bytes("path"), path, in: place)
    comparison.compare("deleted", row.flag("deleted"), isDeleted, in: place)
    comparison.compare("anon", row.text("anon"), anonymousKind, in: place)
    if let canSeek = answers?.canSeek {
      comparison.compare("position", row.number("position"), canSeek ? position : nil, in: place)
    }
    compareStatus(row, &comparison, place)
    compareSocket(row, &comparison, place)
  }

  private func compareStatus(_ row: Row, _ comparison: inout FieldComparison, _ place: String) {
    let type = fileType
    let mode = String(status.mode, radix: 8)
    let octal = String(repeating: "0", count: max(0, 7 - mode.count)) + mode
    let isSpecial = type == "character" || type == "block"
    let hasSize = ["regular", "directory", "symlink"].contains(type)
    comparison.compare("type", row.text("type"), type, in: place)
    comparison.compare("mode", row.text("mode"), octal, in: place)
    comparison.compare("inode", row.number("inode"), Int64(inode), in: place)
    comparison.compare("device", row.text("device"), deviceText(status.device), in: place)
    comparison.compare(
      "special_device", row.text("special_device"),
      isSpecial ? deviceText(status.specialDevice) : nil, in: place)
    comparison.compare(
      "size_bytes", row.number("size_bytes"), hasSize ? status.size : nil, in: place)
    comparison.compare("owner_uid", row.number("owner_uid"), Int64(status.uid), in: place)
    // In /proc, stat(2) counts the processes as links of its root, and so on below.
    if !link.starts(with: Array("/proc".utf8)) {
      comparison.compare("links", row.number("links"), Int64(status.links), in: place)
    }
  }

  private func compareSocket(_ row: Row, _ comparison: inout FieldComparison, _ place: String) {
    // A file that nobody may duplicate answers nothing, but if it is no socket, all must be null.
    guard answers != nil || fileType != "socket" else { return }
    let socket = answers?.socket
    let isInet = socket?.family == AF_INET || socket?.family == AF_INET6
    comparison.compare(
      "socket_family", row.text("socket_family"), socket.flatMap { Self.families[$0.family] },
      in: place)
    comparison.compare(
      "socket_type", row.text("socket_type"), socket.flatMap { Self.types[$0.type] }, in: place)
    comparison.compare(
      "socket_protocol", row.text("socket_protocol"),
      isInet ? socket.flatMap { Self.protocols[$0.protocolNumber] } : nil, in: place)
    comparison.compare(
      "net_ns", row.number("net_ns"), socket.map { Int64($0.netNamespace) }, in: place)
    let state = stateNumber.flatMap { Self.states[Int($0)] }
    comparison.compare("socket_state", row.text("socket_state"), state, in: place)
    compareEnds(row, &comparison, place)
  }

  private func compareEnds(_ row: Row, _ comparison: inout FieldComparison, _ place: String) {
    let local = inet?.local ?? answers?.socket?.local
    let hasPeer = inet.map { $0.state != 7 && $0.state != 10 } ?? false
    let remote = hasPeer ? inet?.remote : nil
    comparison.compare(
      "local_port", row.number("local_port"), local.map { Int64($0.port) }, in: place)
    comparison.compare(
      "remote_port", row.number("remote_port"), remote.map { Int64($0.port) }, in: place)
    comparison.compare("local_address", row.text("local_address"), local?.addressText, in: place)
    comparison.compare("remote_address", row.text("remote_address"), remote?.addressText, in: place)
  }
}

extension OpenFile {
  private static let families: [Int32: String] = [
    AF_UNIX: "unix", AF_INET: "inet", AF_INET6: "inet6", AF_NETLINK: "netlink",
    AF_PACKET: "packet", 40: "vsock",
  ]
  private static let types: [Int32: String] = [1: "stream", 2: "dgram", 3: "raw", 5: "seqpacket"]
  private static let protocols: [Int32: String] = [
    1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp", 262: "mptcp",
  ]
  private static let states = [
    1: "established", 2: "syn_sent", 3: "syn_recv", 4: "fin_wait1", 5: "fin_wait2",
    7: "close", 8: "close_wait", 9: "last_ack", 10: "listen", 11: "closing",
  ]

  /// Sockets that no table of the kernel has are not connected: 7 is that.
  private var stateNumber: UInt8? {
    switch answers?.socket?.family {
    case AF_INET, AF_INET6: return inet?.state ?? 7
    case AF_UNIX:
      guard let unix else { return nil }
      return unix.flags & 0x10000 != 0 ? 10 : unix.state == 3 ? 1 : 7
    default: return nil
    }
  }

  /// As stat(2) says; the anonymous ones are known by their link.
  var fileType: String {
    if link.starts(with: Array("anon_inode:".utf8)) { return "anon" }
    let types: [UInt32: String] = [
      0o010000: "fifo", 0o020000: "character", 0o040000: "directory", 0o060000: "block",
      0o100000: "regular", 0o120000: "symlink", 0o140000: "socket",
    ]
    return types[status.mode & 0o170000] ?? "none"
  }

  private var anonymousKind: String? {
    guard fileType == "anon" else { return nil }
    return String(decoding: link.dropFirst("anon_inode:".utf8.count), as: UTF8.self)
      .trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
  }

  private static let suffix = Array(" (deleted)".utf8)

  /// A name may end as the kernel marks deleted files: then it leads to this very file.
  private var isDeleted: Bool? {
    guard link.first == UInt8(ascii: "/") else { return nil }
    guard link.suffix(Self.suffix.count).elementsEqual(Self.suffix) else { return false }
    let named = try? FileStatus(String(decoding: link, as: UTF8.self))
    return named?.inode != status.inode || named?.device != status.device
  }

  private var path: [UInt8] { isDeleted == true ? link.dropLast(Self.suffix.count) : link }

  private var userName: String? {
    // SAFETY: the entry is a static structure of glibc's, of which the name is copied at once.
    getpwuid(euid).map { String(cString: $0.pointee.pw_name) }
  }

  /// By the numbers of include/uapi/asm-generic/fcntl.h; arm64 has four others.
  private var flagNames: [String] {
    #if arch(arm64)
      let (direct, large, directory, follow): (UInt32, UInt32, UInt32, UInt32) =
        (0o200000, 0o400000, 0o40000, 0o100000)
    #else
      let (direct, large, directory, follow): (UInt32, UInt32, UInt32, UInt32) =
        (0o40000, 0o100000, 0o200000, 0o400000)
    #endif
    let all: [(String, UInt32)] = [
      ("sync", 0o4010000), ("tmpfile", 0o20000000 | directory), ("append", 0o2000),
      ("nonblock", 0o4000), ("dsync", 0o10000), ("async", 0o20000), ("direct", direct),
      ("largefile", large), ("directory", directory), ("nofollow", follow),
      ("noatime", 0o1000000), ("cloexec", 0o2000000), ("path", 0o10000000),
    ]
    var rest = flags & ~3
    let named = all.filter { _, bits in
      defer { if rest & bits == bits { rest &= ~bits } }
      return rest & bits == bits
    }
    let unknown = rest == 0 ? [] : ["0x" + String(rest, radix: 16)]
    return [["rdonly", "wronly", "rdwr", "accmode"][Int(flags & 3)]] + named.map(\.0) + unknown
  }
}

extension SocketEnd {
  /// The address alone, as inet_ntop(3) writes it.
  var addressText: String {
    let text = description.prefix(upTo: description.lastIndex(of: ":") ?? description.endIndex)
    return text.filter { $0 != "[" && $0 != "]" }
  }
}

/// `major:minor` of what stat(2) calls a device.
func deviceText(_ device: UInt64) -> String {
  let major = device >> 8 & 0xfff | device >> 32 & ~0xfff
  let minor = device & 0xff | device >> 12 & ~0xff
  return "\(major):\(minor)"
}
