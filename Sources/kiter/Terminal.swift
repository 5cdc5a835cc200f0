import Glibc

/// How much a terminal shows.
struct TerminalSize: Equatable {
  let columns: Int
  let rows: Int
}

/// The size of the terminal that standard output is; nil if it is none.
func terminalSize() -> TerminalSize? {
  guard isatty(STDOUT_FILENO) == 1 else { return nil }
  var size = winsize()
  // SAFETY: the request fills the structure that it is given.
  let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0
  return TerminalSize(
    columns: isKnown && size.ws_col > 0 ? Int(size.ws_col) : 80,
    rows: isKnown && size.ws_row > 0 ? Int(size.ws_row) : 24)
}
