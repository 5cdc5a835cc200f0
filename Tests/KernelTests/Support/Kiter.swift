import Foundation

/// The built `kiter`, run as a user runs it.
enum Kiter {
  /// The program lies beside the tests in the build directory.
  static func executable() throws -> String {
    let tests = URL(
      filePath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    let path = tests.deletingLastPathComponent().appending(path: "kiter").path
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw Fixture.Failure(description: "no \(path); build the target kiter")
    }
    return path
  }

  /// Copies the program to where any user may run it.
  ///
  /// By another process: a child that is started meanwhile would hold a descriptor of this one that
  /// writes to the copy, and until it has closed it no one could run that (ETXTBSY).
  static func copy(to path: String) throws {
    let output = try Command.run(["cp", executable(), path])
    guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
  }

  /// Runs `kiter` with these arguments.
  static func run(_ arguments: [String], timeout: Duration = .seconds(120)) throws
    -> Command.Output
  {
    try Command.run([executable()] + arguments, timeout: timeout)
  }

  /// The rows of a table, read as JSON Lines.
  ///
  /// - Throws: if `kiter` does not exit with 0, or a line is not a JSON object.
  static func rows(_ arguments: String...) throws -> [Row] { try rows(arguments) }

  /// The same, of a list of arguments.
  static func rows(_ arguments: [String]) throws -> [Row] {
    let output = try run(arguments + ["--output", "jsonl"])
    guard output.status == 0 else {
      throw Fixture.Failure(
        description: "kiter \(arguments) exited with \(output.status): \(output.stderr)")
    }
    return try output.stdout.split(separator: UInt8(ascii: "\n")).map { try Row(json: $0) }
  }
}

/// A row of a table: what JSON says of each column.
struct Row {
  private let values: [String: Any]

  /// Reads one JSON object.
  init(json: Data) throws {
    guard let values = try JSONSerialization.jsonObject(with: json) as? [String: Any] else {
      throw Fixture.Failure(description: "no object: \(String(decoding: json, as: UTF8.self))")
    }
    self.values = values
  }

  /// All keys.
  var names: Set<String> { Set(values.keys) }

  /// Has the key no value?
  func isNull(_ name: String) -> Bool { values[name] is NSNull }

  /// A whole number; nil if it is null or something else.
  func number(_ name: String) -> Int64? { (values[name] as? NSNumber)?.int64Value }

  /// Whatever it is, to be compared.
  func value(_ name: String) -> NSObject? { values[name] as? NSObject }

  /// A number with decimals.
  func decimal(_ name: String) -> Double? { (values[name] as? NSNumber)?.doubleValue }

  /// true or false.
  func flag(_ name: String) -> Bool? { (values[name] as? NSNumber)?.boolValue }

  /// A string.
  func text(_ name: String) -> String? { values[name] as? String }

  /// The number in a hexadecimal string.
  func hex(_ name: String) -> UInt64? {
    text(name).flatMap { $0.hasPrefix("0x") ? UInt64($0.dropFirst(2), radix: 16) : nil }
  }

  /// The strings of an array.
  func list(_ name: String) -> [String]? { values[name] as? [String] }

  /// The numbers of an array.
  func numbers(_ name: String) -> [Int64]? {
    (values[name] as? [NSNumber])?.map(\.int64Value)
  }

  /// The kernel's own bytes: U+EF80 to U+EFFF stand for bytes that are not UTF-8.
  func bytes(_ name: String) -> [UInt8]? {
    text(name)?.unicodeScalars.flatMap { scalar -> [UInt8] in
      (0xef80...0xefff).contains(scalar.value)
        ? [UInt8(scalar.value & 0xff)] : Array(String(scalar).utf8)
    }
  }
}
