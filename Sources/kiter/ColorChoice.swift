import Glibc

/// When a table has colors, as the command line says it.
enum ColorChoice: String, CaseIterable, Sendable {
  case auto, always, never

  /// Are there to be colors on standard output?
  var isOn: Bool {
    switch self {
    case .always: true
    case .never: false
    case .auto: isatty(STDOUT_FILENO) == 1 && !prefersNoColor() && !isDumb()
    }
  }
}

/// Is color unwanted (https://no-color.org)?
private func prefersNoColor() -> Bool {
  // SAFETY: getenv returns a valid C string or nil; no other thread changes the environment.
  getenv("NO_COLOR").map { $0[0] != 0 } ?? false
}

/// Can the terminal show no more than text?
private func isDumb() -> Bool {
  // SAFETY: as above.
  getenv("TERM").map { String(cString: $0) == "dumb" } ?? false
}
