extension Schema.NameSet {
  /// Hands over the name of each bit that is set, and of the number that shares the value with them.
  ///
  /// - Returns: the bits that have no name.
  @inlinable
  public func forEachName(of number: UInt64, _ body: (Value) -> Void) -> UInt64 {
    var rest = number & ~numberMask
    for value in values {
      if value.value & ~numberMask == 0 {
        if numberMask != 0, number & numberMask == value.value { body(value) }
      } else if number & value.value == value.value, rest & value.value != 0 {
        rest &= ~value.value
        body(value)
      }
    }
    return rest
  }
}
