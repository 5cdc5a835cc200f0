import Foundation
import Testing

@Suite(.kernel(.alone), .serialized) struct CgroupsTests {
  /// A cgroup by its place: two hierarchies may have the same numbers.
  private struct Place: Hashable {
    let hierarchy: Int64
    let path: String
  }

  /// A mounted hierarchy, with the number by which processes know it.
  private struct Hierarchy {
    let number: Int64
    let mount: String
    let options: Set<String>

    /// All that are mounted, each once.
    static func all() throws -> [Hierarchy] {
      var found: [Int64: Hierarchy] = [:]
      let own = try ProcFiles.text("/proc/self/cgroup").split(separator: "\n").map {
        $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      }
      for line in try ProcFiles.text("/proc/self/mounts").split(separator: "\n") {
        let words = line.split(separator: " ").map(String.init)
        guard words[2].hasPrefix("cgroup") else { continue }
        let options = Set(words[3].split(separator: ",").map(String.init))
        let known = own.first {
          $0[1].isEmpty == (words[2] == "cgroup2")
            && $0[1].split(separator: ",").allSatisfy { options.contains(String($0)) }
        }
        guard let number = known.flatMap({ Int64($0[0]) }) else { continue }
        found[number] = Hierarchy(number: number, mount: words[1], options: options)
      }
      return Array(found.values)
    }

    /// The paths of all cgroups, "/" among them.
    func paths() throws -> [String] {
      try Command.run(["find", mount, "-type", "d", "-printf", "/%P\n"]).text
        .split(separator: "\n").map(String.init)
    }
  }

  /// What the files of one cgroup say; nil where there is no such file.
  private struct Files {
    var values: [String: String?] = [:]
    private let directory: String

    init(_ hierarchy: Hierarchy, _ path: String) throws {
      directory = hierarchy.mount + path
      let isRoot = path == "/"
      values["id"] = "\(try FileStatus(directory).inode)"
      values["parent_id"] =
        isRoot ? .some(nil) : "\(try FileStatus(directory + "/..").inode)"
      values["level"] = "\(path.split(separator: "/").count)"
      // A process may have moved while the file was read: then it is there twice.
      values["processes"] = lines("cgroup.procs").map { "\(Set($0).count)" }
      values["threads"] =
        (lines("cgroup.threads") ?? lines("tasks")).map { "\(Set($0).count)" }
      if let count = entry("cgroup.stat", "nr_descendants") { values["descendants"] = count }
      if !isRoot { setUsage(isUnified: hierarchy.number == 0) }
      if hierarchy.number == 0 {
        values["controllers"] = lines("cgroup.controllers").map { controllers in
          controllers.flatMap { $0.split(separator: " ") }.sorted().joined(separator: " ")
        }
        if let populated = flag("populated") { values["populated"] = populated }
        values["frozen"] = flag("frozen")
      } else {
        setAccount()
      }
    }

    private mutating func setUsage(isUnified: Bool) {
      let memory =
        isUnified
        ? ["memory.current", "memory.peak", "memory.max"]
        : ["memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.limit_in_bytes"]
      for (field, file) in zip(
        ["memory_bytes", "memory_peak_bytes", "memory_limit_bytes"], memory)
      {
        // Version 1 has no word for no limit.
        values[field] = lines(file)?.first.flatMap {
          $0 == "max" || $0 == "9223372036854771712" ? nil : $0
        }
      }
      values["oom_kills"] =
        entry(isUnified ? "memory.events" : "memory.oom_control", "oom_kill")
      values["pids"] = lines("pids.current")?.first
      values["pids_limit"] = lines("pids.max")?.first.flatMap { $0 == "max" ? nil : $0 }
      guard isUnified else { return }
      values["usage_ns"] = entry("cpu.stat", "usage_usec")
      values["user_ns"] = entry("cpu.stat", "user_usec")
      values["system_ns"] = entry("cpu.stat", "system_usec")
    }

    private mutating func setAccount() {
      values["usage_ns"] = lines("cpuacct.usage")?.first.flatMap { UInt64($0) }
        .map { "\($0 / 1000)" }
    }

    private func lines(_ file: String) -> [String]? {
      (try? ProcFiles.text("\(directory)/\(file)"))?.split(separator: "\n").map(String.init)
    }

    private func flag(_ key: String) -> String? {
      entry("cgroup.events", key).map { $0 == "1" ? "true" : "false" }
    }

    private func entry(_ file: String, _ key: String) -> String? {
      lines(file)?.first { $0.hasPrefix(key + " ") }.map { String($0.dropFirst(key.count + 1)) }
    }
  }

  /// A row's value in the form of the files; times are in microseconds there.
  private static func shown(_ row: Row, _ field: String) -> String? {
    switch field {
    case "controllers":
      return row.list(field)?.sorted().joined(separator: " ")
    case "usage_ns", "user_ns", "system_ns": return row.number(field).map { "\($0 / 1000)" }
    case "populated", "frozen": return row.flag(field).map { "\($0)" }
    default: return row.number(field).map { "\($0)" }
    }
  }

  /// Each field of each cgroup of the host, of those 5,000 that are made here, too.
  @Test func equalsTheCgroupFileSystem() throws {
    let groups = try Self.population()
    let fixtures = try [
      Fixture("threads", in: [groups[7]]), Fixture("sleep", in: [groups[7]]),
      Fixture("zombie-leader", in: [groups[8]]), Fixture("sleep", in: [groups[9]]),
    ]
    try groups[9].write("1", to: "cgroup.freeze")
    let limited = try Self.limitedGroups()
    let more = try limited.map { try Fixture("sleep", in: [$0]) }
    let before = try Self.everyGroup()
    let rows = try Kiter.rows("cgroups", "--columns", "all")
    let after = try Self.everyGroup()
    var found: [Place: Row] = [:]
    for row in rows {
      let place = Place(
        hierarchy: row.number("hierarchy") ?? -1, path: row.text("path") ?? "")
      #expect(found.updateValue(row, forKey: place) == nil, "\(place) is there twice")
    }
    var comparison = FieldComparison("cgroups")
    for (place, first) in before {
      guard let last = after[place] else { continue }
      let row = try #require(found[place], "\(place) is missing")
      comparison.compare("path", row.text("path"), place.path, in: "\(place)")
      comparison.compare("hierarchy", row.number("hierarchy"), place.hierarchy, in: "\(place)")
      // Who starts and ends in the others meanwhile (kiter itself does) nobody knows.
      let isOurs = place.path.hasPrefix("/kiter-")
      let isStill = { field in isOurs || !["processes", "threads"].contains(field) }
      for (field, value) in first.values where last.values[field] == value && isStill(field) {
        comparison.compare(field, Self.shown(row, field), value, in: "\(place)")
      }
    }
    #expect(before.count > 5000 && after.count > 5000)
    for (place, row) in found where before[place] == nil {
      #expect(row.isNull("level") || after[place] != nil || !place.path.hasPrefix("/kiter-"))
    }
    try Self.compareHierarchies(rows, &comparison)
    // A frozen one ends only when it is told to go on.
    try groups[9].write("0", to: "cgroup.freeze")
    try withExtendedLifetime((fixtures, more)) { try comparison.finish() }
    #expect(found[Place(hierarchy: 0, path: groups[9].path)]?.flag("frozen") == true)
    let threaded = found[Place(hierarchy: 0, path: groups[7].path)]
    #expect(threaded?.number("processes") == 2 && (threaded?.number("threads") ?? 0) > 2)
    #expect(found[Place(hierarchy: 0, path: groups[8].path)]?.number("processes") == 1)
  }

  /// 5,000 cgroups of version 2, on three levels.
  private static func population() throws -> [ControlGroup] {
    let mount = try #require(ControlGroup.Mount.unified)
    var groups = [try ControlGroup("/kiter-test", in: mount)]
    for index in 1..<5000 {
      let above = index % 100 < 3 ? "" : "/\(index / 100 * 100 + 1)"
      groups.append(try ControlGroup("/kiter-test\(above)/\(index)", in: mount))
    }
    return groups
  }

  /// One with a limit for each controller that has one, where that is of version 1.
  private static func limitedGroups() throws -> [ControlGroup] {
    let limits = [
      ("memory", "memory.limit_in_bytes", "67108864"), ("pids", "pids.max", "77"),
      ("cpuacct", "cgroup.clone_children", "0"),
    ]
    return try limits.compactMap { controller, file, value in
      guard let mount = ControlGroup.Mount.legacy(controller) else { return nil }
      let group = try ControlGroup("/kiter-limited-\(controller)", in: mount)
      try group.write(value, to: file)
      return group
    }
  }

  private static func everyGroup() throws -> [Place: Files] {
    var groups: [Place: Files] = [:]
    for hierarchy in try Hierarchy.all() {
      for path in try hierarchy.paths() {
        // It may have been removed since.
        groups[Place(hierarchy: hierarchy.number, path: path)] = try? Files(hierarchy, path)
      }
    }
    return groups
  }

  /// What the mounts say of version 1.
  private static func compareHierarchies(_ rows: [Row], _ comparison: inout FieldComparison) throws
  {
    let names = ["blkio": "io"]
    for hierarchy in try Hierarchy.all() where hierarchy.number > 0 {
      let name = hierarchy.options.first { $0.hasPrefix("name=") }?.dropFirst(5)
      for row in rows where row.number("hierarchy") == hierarchy.number {
        comparison.compare(
          "name", row.text("name"), name.map(String.init), in: "\(hierarchy.mount)")
        for controller in row.list("controllers") ?? ["none"] {
          let shown = names.first { $0.value == controller }?.key ?? controller
          comparison.compare(
            "controllers", hierarchy.options.contains(shown), true, in: "\(hierarchy.mount)")
        }
      }
    }
  }

  /// A kernel's buffer holds 32 KiB, and it goes on with no second one.
  @Test func theFileAloneSaysThatItIsNotEnough() throws {
    let groups = try Self.population()
    let output = try Kiter.run(["cgroups", "-c", "all", "-o", "json", "--engine", "seq"])
    #expect(output.status == 3 && output.stderr.contains("--engine direct"), "\(output.stderr)")
    let whole = try Kiter.rows("cgroups", "-c", "path", "-w", "path LIKE '/kiter-test%'")
    #expect(whole.count == groups.count)
  }
}
