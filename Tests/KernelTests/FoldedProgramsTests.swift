import Foundation
import IteratorCatalog
import RecordSchema
import Testing

/// A program from the cache is folded with its constants, one that libbpf loads is not: both must
/// write the same.
@Suite(.kernel) struct FoldedProgramsTests {
  /// What restricts a table to what stands still.
  private static func scope(_ table: String, _ fixture: Fixture) throws -> [String] {
    switch table {
    case "tasks", "files", "vmas", "stacks": return ["--pid", "\(fixture.pid)"]
    case "cgroups": return ["--where", "path = '/kiter-folded-cgroups'"]
    case "map_elements":
      let maps = try Kiter.rows("maps", "-c", "id,name")
      let slots = try #require(maps.last { $0.text("name") == "kiter_slots" })
      return ["--map", "\(slots.number("id") ?? 0)"]
    case "slabs": return ["--where", "name = 'kmem_cache'"]
    default: return ["--limit", "1000"]
    }
  }

  /// What a table says, and what is missing here; nothing of objects that are not among `objects`, because
  /// `kiter` has maps and programs of its own.
  private static func text(_ arguments: [String], objects: Set<String>) throws -> [String] {
    let output = try Kiter.run(arguments + ["--output", "jsonl"])
    let lines = output.text.split(separator: "\n").map(String.init)
    return ["\(output.status)", output.stderr]
      + lines.filter { line in objects.isEmpty || objects.contains { line.hasPrefix($0) } }
  }

  /// How the lines of all BPF objects of a kind begin that are there now.
  private static func objects(_ table: String) throws -> Set<String> {
    Set(try Kiter.rows(table, "-c", "id").compactMap { $0.number("id") }.map { "{\"id\":\($0)," })
  }

  @Test(arguments: Catalog.tables.map { $0.schema.name })
  func everyColumnIsTheSame(table: String) throws {
    let schema = try #require(Catalog.tables.first { $0.schema.name == table }).schema
    let group = try ControlGroup("/kiter-folded-\(table)", in: #require(.unified))
    let fixture = try Fixture("identity", in: [group])
    defer { fixture.stop() }
    // It has maps and a program, which stay as long as it does.
    let reader = try TableReader<TasksRecord>(columns: [.pid], engine: .seq)
    let areBPF = schema.key == ["id"]
    let objects = areBPF ? try Self.objects(table).intersection(Self.objects(table)) : []
    let first = areBPF ? "id," : ""
    let names = schema.columns.map(\.name)
    let single = names.map { ["-c", $0 == "id" ? "id,\(names[1])" : first + $0] }
    let choices = [[], ["-c", "all"]] + single
    var differing: [String] = []
    let scope = try Self.scope(table, fixture)
    for columns in choices {
      let arguments = [table.replacingOccurrences(of: "_", with: "-")] + scope + columns
      // Sizes and times may change between two looks: then another look must agree.
      let isSame = try (0..<5).contains { _ in
        let before = try Self.text(arguments + ["--no-cache"], objects: objects)
        let folded = try Self.text(arguments, objects: objects)
        return try before == folded
          || folded == Self.text(arguments + ["--no-cache"], objects: objects)
      }
      if !isSame { differing.append(columns.last ?? "") }
    }
    // These say what time it is.
    let moving = [
      "tasks": ["all", "elapsed_seconds"], "sockets": ["all", "timer_expires_ms"],
      "routes": ["all", "expires_ms"],
    ]
    #expect(Set(differing).isSubset(of: moving[table] ?? []), "\(differing)")
    withExtendedLifetime(reader) {}
  }
}
