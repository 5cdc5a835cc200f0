/// A compiled BPF object file: the programs of one table.
public struct ProgramObject: Sendable {
  /// The table's name.
  public let name: String
  /// Tells this file from every other: a hash of its bytes.
  public let hash: UInt64
  private let contents: @Sendable () -> [UInt8]

  /// Describes an object file; most loads never need what `contents` gives.
  public init(name: String, hash: UInt64, contents: @escaping @Sendable () -> [UInt8]) {
    self.name = name
    self.hash = hash
    self.contents = contents
  }

  /// The file's bytes.
  public var bytes: [UInt8] { contents() }
}
