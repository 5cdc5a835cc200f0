import Foundation
import IteratorCatalog
import KernelIterators
import RecordSchema
import Testing

/// Which columns have values on this kernel. `make test-kernels` makes docs/kernels.md of it.
@Suite(.kernel(.alone)) struct KernelSurveyTests {
  /// Together they give a value to nearly every column.
  private static let states = [
    "sleep", "files", "identity", "signals", "scheduler", "threads", "memory",
    "sockets", "socket-options", "namespaces", "family", "traced", "tty", "zombie", "socket-maps",
  ]

  @Test func whatTheKernelHasIsShown() throws {
    let pod = "/kubepods/burstable/pod0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9/kiter.service/docker-"
    let group = try ControlGroup.Mount.unified.map {
      try ControlGroup(pod + String(repeating: "ab", count: 32) + ".scope", in: $0)
    }
    let inPod = try Fixture("sockets", in: [group].compactMap { $0 })
    let others = try (inPod, MadeLinks(), BPFUsers(), Self.states.map { try Fixture($0) })
    guard let kernel = KernelSupport() else {
      throw Fixture.Failure(description: "no types of the kernel's")
    }
    for table in Catalog.tables {
      let schema = table.schema
      guard schema.programs.allSatisfy({ kernel.hasIterator($0.target) }) else {
        print("survey: \(schema.name) none")
        continue
      }
      let lacking = try KernelColumns.lacking(table)
      let shown = try columnsWithValues(schema)
      #expect(lacking.isDisjoint(with: shown), "\(schema.name)")
      print("survey: \(schema.name) \(shown.count) \(lacking.count) \(schema.columns.count)")
      let empty = Set(schema.columns.map(\.name)).subtracting(shown).subtracting(lacking)
      if !empty.isEmpty { print("empty: \(schema.name) \(empty.sorted().joined(separator: ","))") }
    }
    withExtendedLifetime(others) {}
  }

  private func columnsWithValues(_ schema: Schema) throws -> Set<String> {
    let counts = schema.columns.map { "count(\"\($0.name)\") \"\($0.name)\"" }
    let statement = "SELECT \(counts.joined(separator: ", ")) FROM \(schema.name)"
    let output = try Kiter.run(["sql", statement, "-o", "jsonl"])
    let row = try Row(json: output.stdout)
    return Set(schema.columns.map(\.name).filter { row.number($0) != 0 })
  }
}
