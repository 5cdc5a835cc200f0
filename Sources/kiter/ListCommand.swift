import ArgumentParser
import IteratorCatalog
import KernelIterators
import RecordSchema
import RecordSnapshot

/// `kiter list`: the tables, and what this kernel supports.
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "The tables, and whether this kernel has their iterators.")

  @Option(
    help: ArgumentHelp("The tables of this snapshot, and whose it is.", valueName: "file"),
    completion: .file())
  var from: String?

  func run() throws {
    guard let from else { return try listKernel() }
    try reportingErrors { try list(OpenedSnapshot(from)) }
  }

  private func list(_ snapshot: OpenedSnapshot) throws {
    let host = snapshot.file.host
    let facts = [
      host.hostname, "Linux \(host.kernelRelease)", host.machine,
      "\(Timestamp(nanoseconds: host.wallClock))", "kiter \(host.kiterVersion)",
    ]
    // What a file says must not speak to the terminal.
    let line = facts.joined(separator: ", ").utf8.map { (0x20..<0x7f).contains($0) ? $0 : 0x3f }
    print(String(decoding: line, as: UTF8.self))
    var rows = [["TABLE", "BYTES", "COLUMNS", "SUMMARY"]]
    for table in snapshot.file.tables {
      let opened = try SnapshotTable(snapshot.file, table)
      rows.append([table.name, "\(table.size)", "\(opened.columns.count)", opened.schema.summary])
    }
    printAligned(rows)
  }

  private func listKernel() throws {
    let kernel = KernelSupport()
    var rows = [["TABLE", "ITERATORS", "SINCE", "HERE", "SUMMARY"]]
    for table in Catalog.tables {
      let schema = table.schema
      let support = schema.programs.map { kernel?.hasIterator($0.target) }
      let here =
        if support.contains(nil) { "?" } else if support.allSatisfy({ $0 == true }) { "yes" } else {
          support.contains(true) ? "partly" : "no"
        }
      rows.append([
        schema.name, schema.programs.map(\.target).joined(separator: ","),
        schema.programs.map(\.since).max() ?? "", here, schema.summary,
      ])
    }
    printAligned(rows)
    if kernel == nil {
      report("list: this kernel's types (BTF) cannot be read; kiter doctor says why")
      throw ExitStatus.unsupported
    }
    if kernel?.isNewEnough() == false {
      report("list: kiter needs Linux 6.1 or later, with whatever iterators")
      throw ExitStatus.unsupported
    }
    let known = Set(Catalog.tables.flatMap { $0.schema.programs.map(\.target) })
    // Two underscores are in the names of types for the verifier alone.
    let others = kernel?.iterators().filter { !known.contains($0) && !$0.contains("__") } ?? []
    if !others.isEmpty { print("\nThis kernel also has: \(others.joined(separator: ", "))") }
  }
}

/// Prints rows with two spaces between columns as wide as their widest cell.
func printAligned(_ rows: [[String]]) {
  let columns = rows.map(\.count).max() ?? 0
  let widths = (0..<columns).map { column in
    rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
  }
  for row in rows {
    let cells = row.enumerated().map { index, cell in
      index == row.count - 1
        ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
    }
    print(cells.joined(separator: "  "))
  }
}
