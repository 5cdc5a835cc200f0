/// User and system time as /proc/PID/stat gives them: the kernel counts ticks, and scales them to
/// the precise run time so that the parts never run backwards (`cputime_adjust`,
/// kernel/sched/cputime.c).
struct CPUTime {
  var user: UInt64
  var system: UInt64
  /// Which input was missing, if one was.
  var missing: FieldValue?

  init(_ inputs: DerivationInputs) {
    guard let user = inputs[0].number, let system = inputs[1].number,
      let runtime = inputs[2].number, let previousUser = inputs[3].number,
      let previousSystem = inputs[4].number
    else {
      self.init(user: 0, system: 0)
      missing = .missing(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4])
      return
    }
    self.init(
      user: user, system: system, runtime: runtime, previousUser: previousUser,
      previousSystem: previousSystem)
  }

  init(user: UInt64, system: UInt64) {
    self.user = user
    self.system = system
  }

  init(
    user: UInt64, system: UInt64, runtime: UInt64, previousUser: UInt64, previousSystem: UInt64
  ) {
    if previousUser &+ previousSystem >= runtime {
      self.init(user: previousUser, system: previousSystem)
      return
    }
    var scaled: UInt64
    if system == 0 {
      scaled = 0
    } else if user == 0 {
      scaled = runtime
    } else {
      let product = system.multipliedFullWidth(by: runtime)
      let sum = user &+ system
      scaled = product.high < sum ? min(sum.dividingFullWidth(product).quotient, runtime) : runtime
    }
    scaled = max(scaled, previousSystem)
    let rest = runtime &- scaled
    if rest < previousUser || scaled > runtime {
      self.init(user: previousUser, system: runtime &- previousUser)
    } else {
      self.init(user: rest, system: scaled)
    }
  }
}

func processorTime(_ time: CPUTime, _ part: KeyPath<CPUTime, UInt64>) -> FieldValue {
  time.missing ?? .unsigned(time[keyPath: part])
}

/// Processor time over the time since the start, as ps shows it, but rounded to a tenth.
func cpuPercent(_ time: CPUTime, started: FieldValue, now: UInt64) -> FieldValue {
  if let missing = time.missing { return missing }
  guard let start = started.number else { return .missing(started) }
  guard now > start else { return .unsigned(0) }
  let used = Double(time.user) + Double(time.system)
  // A record from a file may hold any numbers.
  return .unsigned(UInt64(exactly: (used * 1000 / Double(now - start)).rounded()) ?? .max)
}
