import Glibc

/// A case: a command of kiter beside the commands of others that tell the same.
struct Comparison: Sendable {
  /// What is required of kiter.
  enum Limit: Sendable {
    /// This part of the time of the fastest peer, at most.
    case ratio(Double)
    /// So much memory resident at once, at most.
    case peakMiB(Int)
  }

  /// The name for `CASES=`.
  let name: String
  let title: String
  let scene: Scene
  /// The arguments of kiter. `{pid}` stands for one of the scene's processes.
  let arguments: [String]
  let counting: LineCount
  let peers: [Peer]
  let limit: Limit
  /// How many objects the scene has, where only its own are counted.
  var expected: Int?
  /// Are the mappings of the scene's processes to be counted, and no others? Then neither `counting`
  /// is used: kiter's rows begin with a pid, and the peer is asked for just those processes.
  var countsOwnMappings = false
}

/// Another program with the same objects.
struct Peer: Sendable {
  /// The program and its arguments. `{pid}` is as in `Comparison`; `{maps}` stands for the paths of
  /// all processes' mappings, as a shell expands /proc/[0-9]*/maps.
  let arguments: [String]
  let counting: LineCount
  var accepted: [Int32] = [0]

  /// The command as one would type it.
  var title: String {
    arguments.map { $0 == "{maps}" ? "/proc/[0-9]*/maps" : $0 == "{pid}" ? "PID" : $0 }
      .joined(separator: " ")
  }
}

/// A line of the main table: kiter beside one peer.
struct ComparisonRow {
  let title: String
  let peer: String
  let kiter: Sample
  let other: Sample
  /// What was counted: "10000 each", or how the two differ.
  let objects: String
  let sawTheSame: Bool
  let limit: Comparison.Limit

  /// Kiter's time as a part of the peer's.
  var ratio: Double { kiter.milliseconds / other.milliseconds }

  /// Is what was required true, and of the same objects?
  var isMet: Bool {
    guard sawTheSame else { return false }
    switch limit {
    case .ratio(let most): return ratio <= most
    case .peakMiB(let most): return kiter.peakKiB <= most * 1024
    }
  }
}

extension Comparison {
  /// Measures the case in its scene, which is there.
  ///
  /// - Returns: a row for each peer that this machine has.
  /// - Throws: if kiter or a peer fails.
  func measure(on bench: Workbench, _ load: Load) throws -> [ComparisonRow] {
    let present = peers.filter { peer in
      let isHere = Command.find(peer.arguments[0]) != nil
      if !isHere {
        bench.note("\(title): \(peer.arguments[0]) is not installed, so it is left out")
      }
      return isHere
    }
    let command = bench.kiter(fill(arguments, load))
    let others = present.map { peer in
      var command = Command(fill(peer.arguments, load))
      command.accepted = peer.accepted
      return command
    }
    let counts = try zip(present, others).map { peer, other in
      countsOwnMappings
        ? try compareCounts(
          (command, .json(of: load.pids)),
          (Command(["cat"] + load.pids.map { "/proc/\($0)/maps" }), peer.counting))
        : try compareCounts((command, counting), (other, peer.counting))
    }
    let rounds = bench.rounds(for: try command.time())
    let samples = try interleaved(rounds: rounds, [command] + others)
    return present.indices.map { index in
      ComparisonRow(
        title: title, peer: present[index].title, kiter: samples[0], other: samples[index + 1],
        objects: counts[index].text, sawTheSame: counts[index].agree, limit: limit)
    }
  }

  /// Counts what both see until the counts agree, a few times: objects come and go between the two.
  private func compareCounts(
    _ kiter: (command: Command, rule: LineCount), _ peer: (command: Command, rule: LineCount)
  ) throws -> (text: String, agree: Bool) {
    var (own, other) = (0, 0)
    let end = nanoseconds() + 20_000_000_000
    for attempt in 0..<10 where attempt < 2 || nanoseconds() < end {
      (own, other) = (try kiter.rule.count(kiter.command), try peer.rule.count(peer.command))
      if own == other && (expected ?? own) == own { return (grouped(own), true) }
    }
    let made = expected.map { " of \(grouped($0))" } ?? ""
    return ("**\(grouped(own)) and \(grouped(other))\(made)**", false)
  }

  private func fill(_ arguments: [String], _ load: Load) -> [String] {
    arguments.flatMap { argument -> [String] in
      switch argument {
      case "{pid}": load.pids.isEmpty ? ["1"] : ["\(load.pids[load.pids.count / 2])"]
      case "{maps}": allMaps()
      default: [argument]
      }
    }
  }
}

/// The paths that a shell makes of /proc/[0-9]*/maps.
private func allMaps() -> [String] {
  guard let directory = opendir("/proc") else { return [] }
  defer { closedir(directory) }
  var paths: [String] = []
  while let entry = readdir(directory) {
    // SAFETY: d_name ends with a NUL, and is copied before the next readdir.
    let name = withUnsafeBytes(of: &entry.pointee.d_name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name.first?.isNumber == true { paths.append("/proc/\(name)/maps") }
  }
  return paths
}
