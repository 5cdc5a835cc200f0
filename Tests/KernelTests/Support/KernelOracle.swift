import Foundation

/// A line of /proc/kallsyms.
struct KernelSymbol: Equatable {
  /// 0 where the reader may not see addresses.
  let address: UInt64
  /// As nm(1) prints it: capital letters are global.
  let type: Character
  let name: String
  /// nil for the kernel itself.
  let module: String?

  /// The symbols in the order of the file.
  static func all() throws -> [KernelSymbol] {
    try lines(try ProcFiles.contents("/proc/kallsyms")).map {
      try KernelSymbol(String(decoding: $0, as: UTF8.self))
    }
  }

  /// Parses a line.
  init(_ line: String) throws {
    let parts = words(line)
    guard parts.count >= 3, let type = parts[1].first else {
      throw MalformedText(what: "kallsyms", text: line)
    }
    address = try parseNumber(parts[0], "address", radix: 16)
    self.type = type
    name = String(parts[2])
    module = parts.count > 3 ? String(parts[3].dropFirst().dropLast()) : nil
  }
}

/// A map as `bpftool -j map show` prints it.
struct BpftoolMap: Decodable, Equatable {
  let id: UInt32
  let type: String
  let name: String?
  let flags: UInt32
  let keySize, valueSize, maxEntries: UInt32
  let memlockBytes: UInt64
  /// 1 when programs can no longer be given writable pointers to it.
  let frozen: Int
  let btfID: UInt32?

  private enum CodingKeys: String, CodingKey {
    case id, type, name, flags, frozen
    case keySize = "bytes_key"
    case valueSize = "bytes_value"
    case maxEntries = "max_entries"
    case memlockBytes = "bytes_memlock"
    case btfID = "btf_id"
  }

  /// The maps of the system now.
  static func all() throws -> [BpftoolMap] {
    try JSONDecoder().decode(
      [BpftoolMap].self, from: try Command.run(["bpftool", "-j", "map", "show"]).stdout)
  }
}
