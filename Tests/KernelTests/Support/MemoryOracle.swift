import Foundation

/// What /proc/PID/smaps says of a mapping, which includes all that /proc/PID/maps says.
struct ProcMapping {
  let start, end: UInt64
  /// Four letters, such as `rw-p`.
  let permissions: String
  let offset: UInt64
  let deviceMajor, deviceMinor: UInt32
  let inode: UInt64
  /// A path or such as `[heap]`; empty for anonymous memory.
  let name: [UInt8]
  /// The lines that follow in smaps; empty when read from maps.
  let details: NamedValues

  /// The bytes in memory.
  var residentBytes: UInt64 { get throws { try details.bytes("Rss") ?? 0 } }
  /// The two-letter flags, such as `rd` and `sh`.
  var flags: [String] { get throws { words(try details.text("VmFlags")).map(String.init) } }

  /// The mappings of a process as /proc/PID/maps has them.
  static func maps(of pid: Int32) throws -> [ProcMapping] {
    try lines(try ProcFiles.contents("/proc/\(pid)/maps")).map { try ProcMapping($0, "") }
  }

  /// The mappings of a process as /proc/PID/smaps has them.
  static func smaps(of pid: Int32) throws -> [ProcMapping] {
    var mappings: [ProcMapping] = []
    var head: ArraySlice<UInt8>?
    var details = ""
    func finish() throws {
      if let head { mappings.append(try ProcMapping(head, details)) }
    }
    for line in lines(try ProcFiles.contents("/proc/\(pid)/smaps")) {
      // A detail begins with a capital letter, a mapping with a digit of an address.
      if let first = line.first, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) {
        details += String(decoding: line, as: UTF8.self) + "\n"
      } else {
        try finish()
        (head, details) = (line, "")
      }
    }
    try finish()
    return mappings
  }

  private init(_ line: ArraySlice<UInt8>, _ details: String) throws {
    let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
    let text = parts.map { String(decoding: $0, as: UTF8.self) }
    guard parts.count >= 5 else { throw MalformedText(what: "mapping", text: "\(text)") }
    let range = text[0].split(separator: "-")
    let device = text[3].split(separator: ":")
    guard range.count == 2, device.count == 2 else {
      throw MalformedText(what: "mapping", text: "\(text)")
    }
    start = try parseNumber(range[0], "start", radix: 16)
    end = try parseNumber(range[1], "end", radix: 16)
    permissions = text[1]
    offset = try parseNumber(text[2], "offset", radix: 16)
    deviceMajor = try parseNumber(device[0], "device", radix: 16)
    deviceMinor = try parseNumber(device[1], "device", radix: 16)
    inode = try parseNumber(text[4], "inode")
    name = parts.count > 5 ? Self.unescape(parts[5].drop { $0 == UInt8(ascii: " ") }) : []
    self.details = NamedValues(details)
  }

  /// The kernel writes a newline as `\012` and nothing else so, a backslash least of all: a name
  /// that holds these four characters cannot be told from one with a newline.
  private static func unescape(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    let escape = Array("\\012".utf8)
    var result: [UInt8] = []
    var rest = bytes
    while let byte = rest.first {
      let isEscape = rest.starts(with: escape)
      result.append(isEscape ? UInt8(ascii: "\n") : byte)
      rest = rest.dropFirst(isEscape ? escape.count : 1)
    }
    return result
  }
}
