/// A wrong argument of a command that speaks of pins.
struct PinUsageError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
