/// How a derived field is made from stored ones: the closed list of `"derive"` in schemas.
@frozen public enum Derivation: String, Sendable, Codable, CaseIterable, BitwiseCopyable {
  /// `user_name` from [uid].
  case userName = "user_name"
  /// `wall_clock` from [nanoseconds since boot]: nanoseconds since 1970.
  case wallClock = "wall_clock"
  /// `age_seconds` from [nanoseconds since boot]: whole seconds until now.
  case ageSeconds = "age_seconds"
  /// `user_time` from [utime, stime, runtime, previous utime, previous stime].
  case userTime = "user_time"
  /// `system_time` from the same.
  case systemTime = "system_time"
  /// `cpu_percent` from the same and [start time]: over the life, in tenths of a percent.
  case cpuPercent = "cpu_percent"
  /// `reversed_path` from [names, leaf first, each ended by a slash].
  case reversedPath = "reversed_path"
  /// `terminal_name` from [driver's name and number, such as pts0].
  case terminalName = "terminal_name"
  /// `jiffies_milliseconds` from [signed jiffies, tcp_fin_timeout in jiffies].
  case jiffiesMilliseconds = "jiffies_milliseconds"
  /// `map_key` from [key, number of its map]: JSON, by the map's types.
  case mapKey = "map_key"
  /// `map_value` from [value, number of its map]: the same of a value.
  case mapValue = "map_value"
  /// `container_id` from [names of a cgroup, as `reversed_path` takes them].
  case containerID = "container_id"
  /// `container_runtime` from the same.
  case containerRuntime = "container_runtime"
  /// `pod_uid` from the same.
  case podUID = "pod_uid"
  /// `systemd_unit` from the same.
  case systemdUnit = "systemd_unit"
  /// `first_frame` from [frames, innermost first, with semicolons between].
  case firstFrame = "first_frame"
  /// `folded_stack` from the same and [name of the thread].
  case foldedStack = "folded_stack"

  /// How many fields it reads.
  public var inputCount: Int {
    switch self {
    case .userName, .wallClock, .ageSeconds, .reversedPath, .terminalName: 1
    case .containerID, .containerRuntime, .podUID, .systemdUnit, .firstFrame: 1
    case .jiffiesMilliseconds, .foldedStack, .mapKey, .mapValue: 2
    case .userTime, .systemTime: 5
    case .cpuPercent: 6
    }
  }

  /// How its result is stored, where it is.
  public var resultType: FieldType {
    switch self {
    case .userName, .reversedPath, .terminalName: .text
    case .containerID, .containerRuntime, .podUID, .systemdUnit, .firstFrame, .foldedStack: .text
    case .mapKey, .mapValue: .text
    case .wallClock, .ageSeconds, .userTime, .systemTime, .cpuPercent, .jiffiesMilliseconds: .u64
    }
  }
}
