/// A metric's value now, for one set of labels.
public struct Sample: Sendable, Equatable {
  /// A value: whole numbers keep all their digits.
  public enum Value: Sendable, Equatable {
    case integer(Int64)
    case real(Double)
  }

  /// Names and values, in the order of the statement's columns.
  public let labels: [(name: String, value: String)]
  /// What it is now.
  public let value: Value

  /// Creates a sample.
  public init(labels: [(name: String, value: String)], value: Value) {
    self.labels = labels
    self.value = value
  }

  /// Equal labels in another order are other samples here: all those of a metric have one order.
  public static func == (one: Sample, other: Sample) -> Bool {
    one.value == other.value && one.labels.elementsEqual(other.labels, by: ==)
  }
}
