import Glibc

/// The kernel's limits of how many processes there may be, as they were when this was made.
struct KernelLimits {
  private static let needed = 100_000
  private static let paths = ["/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"]

  private let before = Self.paths.map { Self.number($0) }

  /// Raises what would stop 30,000 processes, and says so.
  static func raise() throws {
    for path in paths {
      guard let now = number(path), now < needed else { continue }
      say("raising \(path) from \(now) to \(needed) for this run")
      try writeFile(path, "\(needed)\n")
    }
  }

  /// Puts the limits back that differ.
  func restore() {
    for (path, value) in zip(Self.paths, before) {
      guard let value, Self.number(path) != value else { continue }
      do { try writeFile(path, "\(value)\n") } catch { say("\(path) was \(value): \(error)") }
    }
  }

  private static func number(_ path: String) -> Int? {
    text(path).flatMap { Int($0.filter(\.isNumber)) }
  }
}
