import Glibc

/// Looks several times at what may be passing: an exec, a library that is being loaded, a process
/// that is being collected, a list that passed over something while others changed it.
struct RepeatedLooks {
  /// A pause before each further look.
  var pauses: [UInt32] = [20, 200]

  /// The findings of a look that each further look has, too; one look is enough if it finds nothing.
  func lasting(_ look: () throws -> [AuditFinding]) rethrows -> [AuditFinding] {
    var lasting = try look()
    for milliseconds in pauses where !lasting.isEmpty {
      usleep(milliseconds * 1000)
      let again = Set(try look().map(\.key))
      lasting.removeAll { !again.contains($0.key) }
    }
    return lasting
  }
}
