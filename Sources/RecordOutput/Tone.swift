import RecordSchema

/// How a cell looks on a terminal that has colours, as a parameter of SGR (ECMA-48).
enum Tone: Int {
  case plain = 0
  case title = 1
  /// Nothing to see here.
  case faint = 2
  /// Wrong, or not known.
  case bad = 31
  case good = 32
  case warning = 33
  /// What other tables know it by.
  case identity = 36

  /// The tone of a verdict.
  init(_ verdict: Schema.Verdict) {
    switch verdict {
    case .good: self = .good
    case .warning: self = .warning
    case .bad: self = .bad
    }
  }

  /// The tone of what a kind means, where its value says nothing of its own.
  init(_ kind: Kind) {
    switch kind {
    case .pid, .id, .inode: self = .identity
    case .address, .mask, .cookie: self = .faint
    default: self = .plain
    }
  }
}

extension ByteBuffer {
  /// Begins a tone, which lasts until `endTone`.
  mutating func begin(_ tone: Tone) {
    append("\u{1b}[")
    append(decimal: UInt64(tone.rawValue))
    append("m")
  }

  /// Back to how the terminal is.
  mutating func endTone() { append("\u{1b}[0m") }
}
