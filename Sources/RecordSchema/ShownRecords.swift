/// The numbers of the objects that a walk has shown, where it may show one again: a set of hashes
/// without values, because it is asked for each record.
struct ShownRecords {
  private let key: RecordLayout.Slot
  /// At each place a number, 0 if it is free; of those that belong there, the next free one has it.
  private var numbers = [UInt64](repeating: 0, count: 512)
  private var count = 0

  /// Nil if the table's walks do not repeat.
  init?(_ schema: Schema, _ layout: RecordLayout) {
    guard let key = schema.repeatedKey, let slot = layout.slot(key, of: schema) else { return nil }
    self.key = slot
  }

  /// Was a record of this object there before? One without the number is taken for new.
  mutating func isRepeated(_ record: RawRecord) -> Bool {
    guard let number = record.value(key).number, number != 0 else { return false }
    if 2 * count >= numbers.count { grow() }
    return !insert(number)
  }

  /// - Returns: false if it is there.
  private mutating func insert(_ number: UInt64) -> Bool {
    // Such numbers are counted up; the product spreads them (Fibonacci hashing).
    var place = Int(truncatingIfNeeded: (number &* 0x9e37_79b9_7f4a_7c15) >> 32)
    while true {
      place &= numbers.count - 1
      if numbers[place] == number { return false }
      if numbers[place] == 0 { break }
      place += 1
    }
    numbers[place] = number
    count += 1
    return true
  }

  private mutating func grow() {
    let old = numbers
    numbers = [UInt64](repeating: 0, count: 2 * old.count)
    count = 0
    for number in old where number != 0 { _ = insert(number) }
  }
}

extension Schema {
  /// The field that tells whether a walk shows an object again: where a bucket of sockets changes
  /// between two reads, Linux before 6.16 (UDP) and 6.17 (TCP) finds its place in it by counting.
  /// Nil where walks do not repeat, and where several rows may be of one object.
  var repeatedKey: String? {
    guard key.count == 1, programs.contains(where: { ["tcp", "udp"].contains($0.target) }) else {
      return nil
    }
    return key[0]
  }
}

extension Projection {
  /// The same columns, of records by which a `RecordStream` knows what the kernel shows again.
  public var tellingRepeats: Projection {
    guard let key = schema.repeatedKey, let slot = layout.slot(key, of: schema) else { return self }
    var projection = self
    projection.wanted[slot.bit / 64] |= 1 << UInt64(slot.bit % 64)
    projection.fixedSize = max(fixedSize, (slot.end + 7) & ~7)
    return projection
  }
}
