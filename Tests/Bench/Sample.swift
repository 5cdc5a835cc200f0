/// Several measurements of one thing.
struct Sample {
  private(set) var nanoseconds: [UInt64] = []
  private(set) var peakKiB = 0

  /// Adds a run of a command.
  mutating func add(_ run: Run) {
    nanoseconds.append(run.nanoseconds)
    peakKiB = max(peakKiB, run.peakKiB)
  }

  /// Adds a time taken inside this process.
  mutating func add(nanoseconds time: UInt64) { nanoseconds.append(time) }

  /// The middle one, in milliseconds.
  var milliseconds: Double { median(nanoseconds.map { Double($0) }) / 1e6 }
}

/// The middle value, or the mean of the two in the middle; not a number if there is none.
func median(_ values: [Double]) -> Double {
  guard !values.isEmpty else { return .nan }
  let sorted = values.sorted()
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// How far apart the largest and the smallest are, as a quotient; not a number if that has no sense.
func spread(_ values: [Double]) -> Double {
  guard let least = values.min(), let most = values.max(), least > 0 else { return .nan }
  return most / least
}

/// Runs all in turn, `rounds` times, so that what the machine does besides meets all alike.
func interleaved(rounds: Int, _ commands: [Command]) throws -> [Sample] {
  var samples = commands.map { _ in Sample() }
  for _ in 0..<rounds {
    for (index, command) in commands.enumerated() { samples[index].add(try command.time()) }
  }
  return samples
}
