/// How the time of a command grows with the number of processes.
struct GrowthSeries {
  /// What is measured, as it is written beside its line.
  let title: String
  /// Whether it is kiter, of which the project requires something.
  let isKiter: Bool
  /// By number of processes.
  var points: [(processes: Int, sample: Sample)] = []
}

/// Kiter and its peers over a range of sizes, for one plot.
struct Growth {
  let name: String
  let title: String
  /// The same command for one process: what does not grow, at each size.
  var starts: [Sample] = []
  var series: [GrowthSeries]
  private let commands: [Command]
  private let start: Command

  /// What the project allows between the largest and the smallest time per object.
  static let limit = 1.3

  private init(
    _ name: String, _ title: String, on bench: Workbench, _ arguments: [String], peers: [Peer]
  ) {
    let present = peers.filter { Command.find($0.arguments[0]) != nil }
    (self.name, self.title) = (name, title)
    series = [GrowthSeries(title: "kiter \(arguments.joined(separator: " "))", isKiter: true)]
    series += present.map { GrowthSeries(title: $0.title, isKiter: false) }
    start = bench.kiter(arguments + ["--pid", "1"])
    commands =
      [bench.kiter(arguments)]
      + present.map { peer in
        var command = Command(peer.arguments)
        command.accepted = peer.accepted
        return command
      }
  }

  /// What is shown growing.
  static func all(on bench: Workbench) -> [Growth] {
    [
      Growth(
        "tasks", "Processes: pid, ppid, uid, gid, comm", on: bench, ["tasks", "-c", fiveColumns],
        peers: [psFiveColumns]),
      Growth(
        "files", "Open files, 10 for each process, all columns", on: bench, ["files", "-c", "all"],
        peers: [lsofFiles, lsfdFiles]),
    ]
  }

  /// Adds a point to each series.
  ///
  /// - Throws: if a run fails.
  mutating func measure(on bench: Workbench, processes: Int) throws {
    let slowest = try commands.map { try $0.time().nanoseconds }.max() ?? 0
    // A peer that takes seconds is measured less often here; the ratios above are not from this.
    let rounds = slowest > 2_000_000_000 ? min(bench.rounds, 5) : bench.rounds
    let samples = try interleaved(rounds: rounds, [start] + commands)
    starts.append(samples[0])
    for index in series.indices { series[index].points.append((processes, samples[index + 1])) }
  }

  /// Kiter's time for each process beyond a start, in microseconds, from 1,000 processes on.
  var marginal: [(processes: Int, microseconds: Double)] {
    zip(series[0].points, starts).filter { $0.0.processes >= 1000 }.map { point, start in
      let own = point.sample.milliseconds - start.milliseconds
      return (point.processes, own * 1000 / Double(point.processes))
    }
  }
}
