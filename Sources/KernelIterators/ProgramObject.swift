/// A compiled BPF object file: the programs of one table.
public struct ProgramObject: Sendable {
  /// The table's name.
  public let name: String
  /// Tells this file from every other: a hash of its bytes.
  public let hash: UInt64
  /// Is its author the user, who is told what the verifier says of it?
  let isOutside: Bool
  private let contents: @Sendable () -> [UInt8]

  /// Describes an object file; most loads never need what `contents` gives.
  public init(
    name: String, hash: UInt64, isOutside: Bool = false, contents: @escaping @Sendable () -> [UInt8]
  ) {
    self.name = name
    self.hash = hash
    self.isOutside = isOutside
    self.contents = contents
  }

  /// The file's bytes.
  public var bytes: [UInt8] { contents() }
}
