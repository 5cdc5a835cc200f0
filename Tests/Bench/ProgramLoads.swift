import IteratorCatalog
import RecordSchema

/// How long the kernel takes to accept a table's programs: what BPF_PROG_LOAD takes in a cached start.
struct ProgramLoadRow {
  /// The columns that were asked for.
  enum Columns: String, CaseIterable {
    case one, standard = "default", all

    /// The milliseconds that the project allows.
    var limit: Double { self == .all ? 3 : 1 }
  }

  let table: String
  let columns: Columns
  /// The sum over the table's programs, in milliseconds.
  let milliseconds: Double
  /// How many programs were loaded.
  let programs: Int

  /// Is it within what the project allows?
  var isMet: Bool { milliseconds <= columns.limit }
}

/// Traces kiter's bpf() calls, for all tables; nothing if strace is not there.
///
/// - Throws: if a run fails.
func measureProgramLoads(on bench: Workbench) throws -> [ProgramLoadRow] {
  guard Command.find("strace") != nil else {
    bench.note("loading of programs: strace is not installed, so it is left out")
    return []
  }
  return try Catalog.tables.flatMap { table in
    try ProgramLoadRow.Columns.allCases.map { columns in
      let schema = table.schema
      var arguments = [schema.name.replacing("_", with: "-"), "--limit", "1"]
      switch columns {
      case .one: arguments += ["-c", schema.columns[0].name]
      case .standard: break
      case .all: arguments += ["-c", "all"]
      }
      return try measureLoad(on: bench, schema.name, columns, arguments)
    }
  }
}

private func measureLoad(
  on bench: Workbench, _ table: String, _ columns: ProgramLoadRow.Columns, _ arguments: [String]
) throws -> ProgramLoadRow {
  let kiter = bench.kiter(arguments)
  // So that the programs are in the cache.
  _ = try kiter.time()
  let traced = Command(
    ["strace", "-f", "-T", "-e", "trace=bpf", "-o", PrivateRun.scratch] + kiter.arguments)
  let runs = try (0..<bench.loadRounds).map { _ in
    _ = try traced.time()
    return programLoadTimes(text(PrivateRun.scratch) ?? "")
  }
  guard let programs = runs.first?.count, programs > 0 else {
    throw BenchError(
      "strace showed no BPF_PROG_LOAD of `kiter \(arguments.joined(separator: " "))`")
  }
  return ProgramLoadRow(
    table: table, columns: columns,
    milliseconds: median(runs.map { $0.reduce(0, +) * 1000 }), programs: programs)
}

/// The seconds of each successful BPF_PROG_LOAD in what `strace -T` wrote.
func programLoadTimes(_ trace: String) -> [Double] {
  trace.split(separator: "\n").compactMap { line in
    guard line.contains("BPF_PROG_LOAD"), !line.contains(" = -1 "),
      let start = line.lastIndex(of: "<"), line.last == ">"
    else { return nil }
    return Double(line[line.index(after: start)...].dropLast())
  }
}
