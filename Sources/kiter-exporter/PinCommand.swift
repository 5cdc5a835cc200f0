import ArgumentParser
import IteratorCatalog
import KernelIterators
import MetricsText
import RecordQuery
import RecordSchema

/// `kiter-exporter pin`: what the metrics need, and no more, for an exporter without privilege.
struct PinCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pin", abstract: "Make the pins that the metrics need, as root.",
    discussion: """
      Runs each statement once, and pins each table that it asks with the columns that it asks for. \
      A metric that cannot be had on this kernel is named, and the others go on.
      """)

  @OptionGroup var places: Places

  @Option(help: ArgumentHelp("Group of the pins, by name or number.", valueName: "group"))
  var group: String?

  func run() throws {
    do { try makePins() } catch {
      report("\(error)")
      throw ExitCode(error is ValidationError ? 64 : 1)
    }
  }

  private func makePins() throws {
    let access = PinAccess(mode: 0o440, group: try group.map(groupNumber) ?? 0)
    let asked = AskedColumns()
    let database = try QueryDatabase(tables: asked.tables, host: .live())
    for metric in try MetricFolder(path: places.metrics).metrics() {
      do { _ = try MetricQuery(metric: metric, limit: 1).run(on: database) } catch {
        report("\(metric.name): \(error)")
      }
    }
    var writer = try PinWriter.creating(places.pinFolder)
    for table in Catalog.tables {
      guard let columns = asked.columns[table.schema.name] else { continue }
      let projection = try Projection(table.schema, columns: columns.sorted())
      try TablePins(table.schema, in: places.pinFolder).stage(
        projection, table.files, access, in: &writer)
      print("\(places.pins)/\(table.schema.name): \(columns.sorted().joined(separator: ","))")
    }
    try writer.commit()
  }

  private func groupNumber(_ name: String) throws -> UInt32 {
    if let number = UInt32(name) { return number }
    guard let file = fileContents("/etc/group") else {
      throw ValidationError("/etc/group cannot be read; give the group as a number")
    }
    let groups = NameTable(passwd: file)
    guard let number = groups.number(of: name), let group = UInt32(exactly: number) else {
      throw ValidationError("there is no group \"\(name)\" in /etc/group")
    }
    return group
  }
}

/// The catalog's tables, which note what is asked of them.
private final class AskedColumns {
  private(set) var columns: [String: Set<String>] = [:]

  var tables: [QueryTable] {
    Catalog.tables.map { table in
      QueryTable(table.schema) { [self] scan in
        let names = scan.columns + scan.matches.keys
        let projection = try Projection(table.schema, columns: Set(names).sorted())
        let records = try StoredRecords(
          KernelSource(table.files, TableRequest(projection)), projection: projection)
        // Only what this kernel has can be pinned.
        columns[table.schema.name, default: []].formUnion(names)
        return records
      }
    }
  }
}
