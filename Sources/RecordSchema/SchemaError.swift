/// Why a schema is not valid.
public struct SchemaError: Error, CustomStringConvertible, Equatable {
  /// Where: `fields[3] "exe"`, or empty for the whole.
  public var place: String
  /// What is wrong and what would be right.
  public var message: String

  /// Creates an error.
  public init(_ place: String, _ message: String) {
    self.place = place
    self.message = message
  }

  /// Place and message on one line.
  public var description: String { place.isEmpty ? message : "\(place): \(message)" }
}
