import Glibc

/// Where the figures were measured.
struct Machine {
  let processor: String
  let cores: Int
  let memoryGiB: Int
  let kernel: String
  let system: String
  let date: String
  /// Programs and their versions.
  let versions: [(program: String, version: String)]

  /// This machine, now.
  init(_ bench: Workbench) {
    processor = Self.value("model name", in: text("/proc/cpuinfo")) ?? "unknown processor"
    cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    let memory = Self.value("MemTotal", in: text("/proc/meminfo")) ?? ""
    memoryGiB = ((Int(memory.filter(\.isNumber)) ?? 0) + (1 << 19)) >> 20
    kernel = (text("/proc/sys/kernel/osrelease") ?? "?").filter { $0 != "\n" }
    let name = Self.value("PRETTY_NAME", in: text("/etc/os-release"), separator: "=")
    system = (name ?? "?").filter { $0 != "\"" }
    date = (Command(["date", "-u", "+%Y-%m-%d"]).output() ?? "?").filter { $0 != "\n" }
    versions =
      [("kiter", Self.firstLine(bench.kiter(["--version"])))]
      + [("ps", "--version"), ("ss", "-V"), ("lsfd", "--version"), ("cat", "--version")].map {
        ($0, Self.firstLine(Command([$0, $1])))
      } + [("lsof", Self.lsofVersion())]
  }

  private static func firstLine(_ command: Command) -> String {
    command.output()?.split(separator: "\n").first.map(String.init) ?? "not installed"
  }

  /// lsof says its version on standard error.
  private static func lsofVersion() -> String {
    let lines = Command(["sh", "-c", "lsof -v 2>&1"]).output() ?? ""
    return value("    revision", in: lines) ?? "not installed"
  }

  /// The value of a line `name: value`.
  private static func value(_ name: String, in text: String?, separator: Character = ":") -> String?
  {
    for line in (text ?? "").split(separator: "\n") where line.hasPrefix(name) {
      guard let place = line.firstIndex(of: separator) else { continue }
      return String(line[line.index(after: place)...].drop { $0 == " " || $0 == "\t" })
    }
    return nil
  }
}
