import Foundation
import Testing

/// The columns that a cgroup's names tell, in all tables that have them.
@Suite(.kernel, .serialized) struct ContainersTests {
  private static let id = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"
  private static let uid = "82f40de6-1226-4577-ab35-2f378b9f5e49"
  private static let slice =
    "/kubepods.slice/kubepods-pod\(uid.replacing("-", with: "_")).slice"
  private static let columns = ["container_id", "runtime", "pod_uid", "unit"]

  /// A process in a container's cgroup: of version 2 and, where the host still has it, of the memory
  /// controller's.
  private struct Contained {
    let fixture: Fixture
    let unified: ControlGroup
    private let memory: ControlGroup?

    init(_ state: String, unified path: String, memory legacy: String) throws {
      unified = try ControlGroup(path, in: #require(.unified))
      memory = try ControlGroup.Mount.legacy("memory").map { try ControlGroup(legacy, in: $0) }
      fixture = try Fixture(state, in: [unified, memory].compactMap { $0 })
    }
  }

  private static func values(_ row: Row) -> [String?] { columns.map { row.text($0) } }

  @Test func theyAreTheSameInEachTable() throws {
    let path = "\(Self.slice)/cri-containerd-\(Self.id).scope"
    let contained = try Contained("sleep", unified: path, memory: path)
    let wanted = [Self.id, "containerd", Self.uid, "cri-containerd-\(Self.id).scope"]
    for table in ["tasks", "files", "vmas"] {
      let rows = try Kiter.rows(
        [table, "--pid", "\(contained.fixture.pid)", "-c", Self.columns.joined(separator: ",")])
      #expect(!rows.isEmpty)
      for row in rows { #expect(Self.values(row) == wanted, "\(table)") }
    }
    let selected = try Kiter.rows(
      "sql", "SELECT pid FROM tasks WHERE container_id = '\(Self.id)' AND runtime = 'containerd'")
    #expect(selected.map { $0.number("pid") } == [Int64(contained.fixture.pid)])
    withExtendedLifetime(contained) {}
  }

  /// In a host's own cgroup of version 2, as older runtimes leave it there.
  @Test(.enabled(if: ControlGroup.Mount.legacy("memory") != nil, "version 2 has all controllers"))
  func versionOneIsThatOfTheMemoryController() throws {
    let unified = "/system.slice/kiter-test.service"
    let contained = try Contained("sleep", unified: unified, memory: "/docker/\(Self.id)")
    let rows = try Kiter.rows(
      "tasks", "--pid", "\(contained.fixture.pid)", "-c", "+container_id,+runtime,+unit,+cgroup")
    let row = try #require(rows.first)
    #expect(row.text("container_id") == Self.id && row.text("runtime") == "docker")
    #expect(row.isNull("unit") && row.text("cgroup") == unified)
    // In the root of that hierarchy, the other one tells.
    let host = try Contained("sleep", unified: unified, memory: "/")
    let others = try Kiter.rows(
      "tasks", "--pid", "\(host.fixture.pid)", "-c", "container_id,unit")
    #expect(others.first?.text("unit") == "kiter-test.service")
    #expect(others.first?.isNull("container_id") == true)
  }

  /// The walk in one program takes the same.
  @Test func bothEnginesSayTheSame() throws {
    let path = "/machine.slice/libpod-\(Self.id).scope/container"
    let contained = try Contained("sleep", unified: path, memory: path)
    for engine in ["seq", "direct"] {
      let rows = try Kiter.rows(
        "tasks", "-c", Self.columns.joined(separator: ","), "--engine", engine,
        "-w", "pid + 0 = \(contained.fixture.pid)")
      #expect(
        rows.map(Self.values) == [[Self.id, "podman", nil, "libpod-\(Self.id).scope"]], "\(engine)")
    }
  }

  /// A socket keeps the cgroup of who made it; ss shows it.
  @Test func socketsHaveTheirMakers() throws {
    let path = "\(Self.slice)/crio-\(Self.id).scope"
    let contained = try Contained("sockets", unified: path, memory: "/")
    let inside = ["nsenter", "-t", "\(contained.fixture.pid)", "-n"]
    let shown = try Command.run(inside + ["ss", "-tunaeH"]).text
    let asked = ["inode", "cgroup", "cgroup_id"] + Self.columns
    let output = try Command.run(
      inside + [Kiter.executable(), "sockets", "-c", asked.joined(separator: ","), "-o", "jsonl"])
    var cgroups: [Int64: String] = [:]
    for line in shown.split(separator: "\n") {
      guard let inode = line.firstMatch(of: /ino:(\d+)/).flatMap({ Int64($0.1) }), inode > 0,
        let cgroup = line.firstMatch(of: /cgroup:(\S+)/)
      else { continue }
      cgroups[inode] = String(cgroup.1)
    }
    var count = 0
    for line in output.stdout.split(separator: UInt8(ascii: "\n")) {
      let row = try Row(json: line)
      guard let inode = row.number("inode"), let cgroup = cgroups[inode] else { continue }
      count += 1
      #expect(row.text("cgroup") == cgroup && cgroup == path)
      #expect(row.number("cgroup_id") == Int64(try contained.unified.id))
      #expect(Self.values(row) == [Self.id, "cri-o", Self.uid, "crio-\(Self.id).scope"])
    }
    #expect(count > 10)
  }
}
