/// Why bytes are not a stream of the expected records.
public enum StreamError: Error, Equatable, CustomStringConvertible {
  /// No preamble at the start, or a record whose size cannot be.
  case damaged(table: String, offset: Int)
  /// Written by a program with another layout.
  case otherLayout(table: String, found: String)
  /// The stream ended inside a record.
  case endsInRecord(table: String, missing: Int)

  /// What and why, on one line.
  public var description: String {
    switch self {
    case .damaged(let table, let offset):
      "\(table): the stream is damaged at byte \(offset)"
    case .otherLayout(let table, let found):
      "\(table): the stream holds records of \"\(found)\" with another layout;"
        + " its program was made by another version of kiter, or from another schema"
    case .endsInRecord(let table, let missing):
      "\(table): the stream ends inside a record, \(missing) bytes are missing"
    }
  }
}
