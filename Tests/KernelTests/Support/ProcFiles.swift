import Foundation
import Glibc

/// A text of the kernel that is not in the form expected.
struct MalformedText: Error, CustomStringConvertible {
  let what: String
  let text: String
  var description: String { "\(what) not understood: \(text.prefix(200))" }
}

/// Reads the files and links of the kernel's virtual file systems as raw bytes.
enum ProcFiles {
  /// The whole contents; the size of such a file is not known before.
  static func contents(_ path: String) throws -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw SystemCallError(call: "open \(path)", code: errno) }
    defer { close(file) }
    var contents: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // SAFETY: read is given the size of the buffer.
      let count = read(file, &buffer, buffer.count)
      if count == 0 { return contents }
      if count > 0 {
        contents += buffer.prefix(count)
      } else if errno != EINTR {
        throw SystemCallError(call: "read \(path)", code: errno)
      }
    }
  }

  /// The contents as text; bytes that are not UTF-8 are replaced.
  static func text(_ path: String) throws -> String {
    String(decoding: try contents(path), as: UTF8.self)
  }

  /// The target of a symbolic link.
  static func link(_ path: String) throws -> [UInt8] {
    var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
    // SAFETY: readlink writes at most the size that it is given.
    let count = target.withUnsafeMutableBytes { buffer -> Int in
      guard let base = buffer.baseAddress else { return -1 }
      return readlink(path, base.assumingMemoryBound(to: CChar.self), buffer.count)
    }
    guard count >= 0 else { throw SystemCallError(call: "readlink \(path)", code: errno) }
    return Array(target.prefix(count))
  }

  /// The number in a link such as `net:[4026531833]`.
  static func linkNumber(_ path: String) throws -> UInt64 {
    let target = String(decoding: try link(path), as: UTF8.self)
    let digits = target.drop { $0 != "[" }.dropFirst().dropLast()
    return try parseNumber(digits, "the number in \(target)")
  }

  /// The numbers that are the names of the entries of a directory, in order.
  static func numbers(in directory: String) throws -> [Int32] {
    try FileManager.default.contentsOfDirectory(atPath: directory).compactMap { Int32($0) }.sorted()
  }
}

/// The number that a text stands for; `what` names it in the error.
func parseNumber<Number: FixedWidthInteger>(
  _ text: some StringProtocol, _ what: String, radix: Int = 10
) throws -> Number {
  guard let number = Number(String(text), radix: radix) else {
    throw MalformedText(what: what, text: String(text))
  }
  return number
}

/// The lines of a text without their ends; a last empty one is left out.
func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
  bytes.split(separator: UInt8(ascii: "\n"))
}

/// The words between white space.
func words(_ text: some StringProtocol) -> [Substring] {
  Substring(text).split { $0 == " " || $0 == "\t" || $0 == "\n" }
}

/// Values by name, such as the lines `Name: value` of many files under /proc.
struct NamedValues {
  let values: [String: String]

  /// Splits each line at its first colon; a line without one is left out.
  init(_ text: String) {
    var values: [String: String] = [:]
    for line in text.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let name = line[..<colon].trimmingCharacters(in: .whitespaces)
      values[name] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    self.values = values
  }

  /// The text of that name, or an error when there is none.
  func text(_ name: String) throws -> String {
    guard let value = values[name] else { throw MalformedText(what: name, text: "\(values)") }
    return value
  }

  /// The first word as a number.
  func number<Number: FixedWidthInteger>(_ name: String, radix: Int = 10) throws -> Number {
    try parseNumber(words(try text(name)).first ?? "", name, radix: radix)
  }

  /// All words as numbers.
  func numbers<Number: FixedWidthInteger>(_ name: String) throws -> [Number] {
    try words(try text(name)).map { try parseNumber($0, name) }
  }

  /// A number of kibibytes as bytes; nil when there is no such line.
  func bytes(_ name: String) throws -> UInt64? {
    guard values[name] != nil else { return nil }
    let kibibytes: UInt64 = try number(name)
    return kibibytes * 1024
  }
}
