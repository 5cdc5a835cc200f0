/// An object as one list shows it.
struct SeenObject: Hashable {
  /// Its name, which all lists share: a pid, a cookie.
  let number: UInt64
  /// What tells it from a later one of that name, as this list has it; 0 where names are not reused.
  var identity: UInt64 = 0
}

/// What two lists of the same objects do not share, whatever comes and goes meanwhile.
struct ViewDifference: Equatable {
  /// Objects that only the first list has.
  let onlyFirst: Set<SeenObject>
  /// Objects that only the second list has.
  let onlySecond: Set<SeenObject>

  /// Makes each list twice, in turn. What one has before and after the other was made was there all
  /// the time: the other had to have it.
  init(
    _ first: () throws -> Set<SeenObject>, _ second: () throws -> Set<SeenObject>
  ) rethrows {
    let lists = (try first(), try second(), try first(), try second())
    onlyFirst = Self.lacking(lists.0.intersection(lists.2), in: lists.1)
    onlySecond = Self.lacking(lists.1.intersection(lists.3), in: lists.2)
  }

  private static func lacking(_ objects: Set<SeenObject>, in list: Set<SeenObject>)
    -> Set<SeenObject>
  {
    let numbers = Set(list.map(\.number))
    return objects.filter { !numbers.contains($0.number) }
  }
}
