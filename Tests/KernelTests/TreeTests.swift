import Foundation
import Testing

/// `kiter tasks --tree` against ps(1)'s forest and the parents in /proc.
@Suite(.kernel) struct TreeTests {
  /// A row of a drawn tree.
  struct Branch: Equatable {
    let pid: Int
    let level: Int
  }

  /// Reads what `-c pid,comm` or `-c tid,comm` draws.
  private func branches(_ text: String) -> [Branch] {
    text.split(separator: "\n").compactMap { line in
      let row = line.drop { $0 == " " }
      guard let pid = Int(row.prefix { $0.isNumber }) else { return nil }
      let drawing = row.drop { $0.isNumber }.dropFirst(2)
      let lines = drawing.unicodeScalars.prefix { " │├└─…".unicodeScalars.contains($0) }
      return Branch(pid: pid, level: lines.count / 3)
    }
  }

  private func tree(_ options: String..., columns: String = "pid,comm") throws -> [Branch] {
    let output = try Kiter.run(["tasks", "--tree", "--no-header", "-c", columns] + options)
    guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
    return branches(output.text)
  }

  /// What ps draws: four columns for each level.
  private func forest() throws -> [Branch] {
    let output = try Command.run(["ps", "-e", "--forest", "-o", "pid=,comm="])
    return output.text.split(separator: "\n").compactMap { line in
      let row = line.drop { $0 == " " }
      guard let pid = Int(row.prefix { $0.isNumber }) else { return nil }
      let drawing = row.drop { $0.isNumber }.dropFirst(1)
      return Branch(pid: pid, level: drawing.prefix { " |\\_".contains($0) }.count / 4)
    }
  }

  /// The rows of some processes, the first of them at level 0.
  private func only(_ pids: [Int], of branches: [Branch]) -> [Branch] {
    let rows = branches.filter { pids.contains($0.pid) }
    let base = rows.first?.level ?? 0
    return rows.map { Branch(pid: $0.pid, level: $0.level - base) }
  }

  /// A process and all above it, outermost first, up to one that the host keeps from iterators.
  private func lineage(_ pid: Int) throws -> [Int] {
    let listed = Set(try Kiter.rows("tasks", "-c", "pid").compactMap { $0.number("pid") })
    var chain: [Int] = []
    var next = pid
    while listed.contains(Int64(next)), let stat = try? ProcTask(Int32(next)).stat {
      chain.insert(next, at: 0)
      next = Int(stat.ppid)
    }
    return chain
  }

  @Test func isTheForestThatPsDraws() throws {
    let fixture = try Fixture("family")
    let pids =
      [Int(fixture.pid)] + (try ["elder", "younger", "orphan"].map { try fixture.facts[$0].int })
    let expected = only(pids, of: try forest())
    #expect(expected.map(\.level) == [0, 1, 2, 1] || expected.map(\.level) == [0, 1, 1, 2])
    #expect(only(pids, of: try tree()) == expected)
    // The orphan's parent has ended: it stands below the one who took it in.
    let orphan = try fixture.facts["orphan"].int
    #expect(try lineage(orphan).dropLast().last == Int(fixture.pid))
  }

  @Test func everyProcessStandsBelowItsParent() throws {
    let fixture = try Fixture("family")
    let rows = try tree()
    #expect(rows.contains { $0.pid == Int(fixture.pid) })
    #expect(Set(rows.map(\.pid)).count == rows.count)
    let shown = Set(rows.map(\.pid))
    var path: [Int] = []
    for row in rows {
      path.removeLast(max(0, path.count - row.level))
      // What has ended since has no parent any more, and what is new may have another.
      if let stat = try? ProcTask(Int32(row.pid)).stat, stat.state != "Z" {
        let parent = shown.contains(Int(stat.ppid)) ? Int(stat.ppid) : nil
        if parent != path.last, let again = try? lineage(row.pid) {
          #expect(again.dropLast().last == path.last, "\(row)")
        }
      }
      path.append(row.pid)
    }
  }

  @Test func filtersKeepWhatIsAbove() throws {
    let fixture = try Fixture("family")
    let younger = try fixture.facts["younger"].int
    let expected = try lineage(younger).enumerated().map { Branch(pid: $1, level: $0) }
    #expect(expected.count > 3)
    #expect(try tree("--pid", "\(younger)") == expected)
    #expect(try tree("--where", "pid = \(younger)") == expected)
    #expect(try tree("--tid", "\(younger)", "--uid", "0") == expected)
    #expect(try tree("--uid", "54321").isEmpty)
    #expect(try tree("--pid", "\(younger)", "--limit", "2") == Array(expected.prefix(2)))
    let missing = try Kiter.run(["tasks", "--tree", "--pid", "4294967295"])
    #expect(missing.status == 1 && missing.stderr.contains("there is no process"))
  }

  @Test func ancestorsAreDimOnATerminalOnly() throws {
    let fixture = try Fixture("family")
    let younger = try fixture.facts["younger"].int
    let command = "\(try Kiter.executable()) tasks --tree --no-header -c pid,comm --pid \(younger)"
    func lines(_ prefix: String) throws -> [String] {
      let output = try Command.run([
        "script", "-qec", "stty cols 200; \(prefix)\(command)", "/dev/null",
      ])
      return output.text.split(whereSeparator: \.isNewline).map(String.init)
    }
    let onTerminal = try lines("env -u NO_COLOR ")
    #expect(onTerminal.count > 3)
    #expect(
      onTerminal.dropLast().allSatisfy { $0.hasPrefix("\u{1b}[2m") && $0.hasSuffix("\u{1b}[0m") },
      "\(onTerminal)")
    #expect(onTerminal.last?.hasPrefix("\u{1b}[2m") == false)
    #expect(try lines("env NO_COLOR=1 ").allSatisfy { !$0.contains("\u{1b}") })
    #expect(!(try Command.run(["sh", "-c", command])).text.contains("\u{1b}"))
  }

  @Test func siblingsGoBySort() throws {
    let fixture = try Fixture("many", "6")
    let children = try fixture.facts["pids"].array.map { try $0.int }
    let pids = [Int(fixture.pid)] + children
    let one = { (pid: Int) in Branch(pid: pid, level: pid == Int(fixture.pid) ? 0 : 1) }
    #expect(only(pids, of: try tree()) == pids.sorted().map(one))
    let descending = [Int(fixture.pid)] + children.sorted(by: >)
    #expect(only(pids, of: try tree("--sort", "pid:desc")) == descending.map(one))
  }

  @Test func threadsStandBelowTheirProcess() throws {
    let fixture = try Fixture("threads", "3")
    let tids = try fixture.facts["threads"].array.map { try $0["tid"].int }.sorted()
    let rows = try tree("--threads", columns: "tid,comm")
    let found = only([Int(fixture.pid)] + tids, of: rows)
    #expect(found.map(\.pid) == [Int(fixture.pid)] + tids.filter { $0 != Int(fixture.pid) })
    #expect(found.dropFirst().allSatisfy { $0.level == 1 })
  }

  /// A pin has no thread ids by itself.
  @Test func aPinHasTheSameTree() throws {
    let fixture = try Fixture("family")
    let younger = try fixture.facts["younger"].int
    let host = try PinnedHost()
    try host.pin("tasks")
    let expected = try tree("--pid", "\(younger)")
    #expect(expected.count > 3)
    for options in [["--pid", "\(younger)"], ["--where", "pid = \(younger)"]] {
      let output = try host.read(["tasks", "--tree", "--no-header", "-c", "pid,comm"] + options)
      #expect(branches(output.text) == expected, "\(output.stderr)")
    }
    // Neither has a count of rows need of a column.
    let count = try host.read(["tasks", "--count", "--no-header", "--pid", "\(younger)"])
    #expect(count.text == "1\n", "\(count.stderr)")
  }

  @Test func aPidNamespaceHasItsOwnRoots() throws {
    let script =
      "sleep 60 & \(try Kiter.executable()) tasks --tree --no-header -c pid,ppid,comm; kill $!"
    let output = try Command.run(["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", script])
    let lines = output.text.split(separator: "\n").map(String.init)
    #expect(lines == ["1  -  sh", "2  1  ├─ sleep", "3  1  └─ kiter"], "\(output.stderr)")
  }

  @Test(arguments: [
    (["tasks", "--tree", "--json"], "leave --tree out"),
    (["tasks", "--tree", "-o", "csv"], "leave --tree out"),
    (["tasks", "--tree", "--count"], "exclude each other"),
    (["tasks", "--tree", "-c", "pid,ppid"], "--columns +comm"),
    (["tasks", "--tree", "--where", "pidd = 1"], "did you mean \"pid\""),
    (["tasks", "--tree", "--where", "count(*)"], "misuse of aggregate"),
    (["sockets", "--tree"], "Unknown option '--tree'"),
  ])
  func whatCannotBeDrawnIsRefused(arguments: [String], message: String) throws {
    let output = try Kiter.run(arguments)
    #expect(output.status == 64)
    #expect(output.stderr.contains(message), "\(output.stderr)")
    #expect(output.stdout.isEmpty)
  }
}
