/// Reads something together with what an oracle says of it, again until the oracle says the same
/// before and after.
///
/// - Throws: `Fixture.Failure` if the oracle never holds still.
func whileUnchanged<Known: Equatable, Read>(
  _ oracle: () throws -> Known, _ read: () throws -> Read
) throws -> (known: Known, read: Read) {
  var before = try oracle()
  for _ in 0..<100 {
    let result = try read()
    let after = try oracle()
    if before == after { return (before, result) }
    before = after
  }
  throw Fixture.Failure(description: "\(before) changes all the time")
}
