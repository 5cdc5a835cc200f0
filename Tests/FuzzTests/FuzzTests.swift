import Foundation
import FuzzTargets
import Testing

/// A short run of every fuzz target, without libFuzzer: what it once found, and inputs that differ
/// a little from good ones. `make fuzz` is the long run.
@Suite struct FuzzTests {
  private static let corpus = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fuzz/Corpus")

  /// KITER_FUZZ_SEED is for other inputs than every day's.
  private static let seed =
    ProcessInfo.processInfo.environment["KITER_FUZZ_SEED"].flatMap(UInt64.init) ?? 1

  /// Inputs that libFuzzer has found to reach other code, or to trouble it.
  private static func kept(_ target: FuzzTarget) throws -> [[UInt8]] {
    let folder = corpus.appending(path: target.rawValue)
    return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .map { Array(try Data(contentsOf: $0)) }
  }

  @Test(arguments: FuzzTarget.allCases) func whatWasFoundStaysMended(target: FuzzTarget) throws {
    let inputs = try Self.kept(target)
    #expect(!inputs.isEmpty)
    for input in inputs { target.run(input) }
  }

  /// A finding ends the process.
  @Test(arguments: FuzzTarget.allCases) func changedInputsAreSurvived(target: FuzzTarget) throws {
    var mutation = Mutation(seed: Self.seed, inputs: target.seeds + (try Self.kept(target)))
    for _ in 0..<1000 { target.run(mutation.next()) }
  }

  /// Python knows nothing of how kiter writes.
  @Test func pythonParsesWhatIsWritten() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var mutation = Mutation(
      seed: Self.seed, inputs: FuzzTarget.writers.seeds + (try Self.kept(.writers)))
    for number in 0..<300 {
      let (json, csv) = WritersOutput.of(mutation.next())
      try Data(json).write(to: folder.appending(path: "\(number).json"))
      try Data(csv).write(to: folder.appending(path: "\(number).csv"))
    }
    let script = """
      import csv, io, json, sys
      for number in range(300):
          name = f"{sys.argv[1]}/{number}."
          rows = json.loads(open(name + "json", "rb").read().decode("utf-8", "strict"))
          text = open(name + "csv", "rb").read().decode("utf-8", "strict")
          table = list(csv.reader(io.StringIO(text, newline=""), strict=True))
          assert len(table) == 1 + len(rows), (number, len(table), len(rows))
          for row in table: assert len(row) == len(table[0]), (number, row)
          for row, values in zip(rows, table[1:]):
              names = [name for name in row if name not in ("_cut", "_unreadable")]
              assert names == table[0], (number, names)
              text = row["name"] or ""
              assert values[names.index("name")] == text, (number, values, row)
      """
    let python = Process()
    python.executableURL = URL(filePath: "/usr/bin/env")
    python.arguments = ["python3", "-c", script, folder.path]
    try python.run()
    python.waitUntilExit()
    #expect(python.terminationStatus == 0)
  }
}

/// Gives inputs that differ from good ones in a few places.
private struct Mutation {
  private let inputs: [[UInt8]]
  private var random: Generator

  init(seed: UInt64, inputs: [[UInt8]]) {
    self.inputs = inputs
    random = Generator(state: seed)
  }

  mutating func next() -> [UInt8] {
    var bytes = inputs.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 1...8, using: &random) { change(&bytes) }
    return bytes
  }

  private mutating func change(_ bytes: inout [UInt8]) {
    let at = Int.random(in: 0...bytes.count, using: &random)
    let end = min(bytes.count, at + Int.random(in: 1...8, using: &random))
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes.removeSubrange(at..<end)
    case 1: bytes.insert(contentsOf: bytes[at..<end], at: at)
    case 2: bytes.insert(.random(in: .min ... .max, using: &random), at: at)
    case 3:
      for index in at..<end {
        bytes[index] = [0, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
      }
    default: if at < bytes.count { bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
    }
  }
}

/// Numbers that a seed brings back (SplitMix64).
private struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
