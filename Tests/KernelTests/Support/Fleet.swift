import Foundation
import Testing

/// Hosts in known states: network and pid namespaces with names of their own.
struct Fleet {
  /// What Tests/Fleet/host.py makes, and what it says of that.
  struct Host {
    let name: String
    /// Pids of the programs whose files are gone.
    let deleted: [Int]
    /// Pids and ports of those who talk to the address.
    let clients: [[Int]]
    /// Number of open files by container.
    let files: [String: Int]

    /// Makes a host, lets kiter read it, and lets it go.
    ///
    /// - Parameters:
    ///   - name: what uname(2) says there.
    ///   - deleted: does a program run there whose file is gone?
    ///   - talks: does somebody there talk to the address?
    ///   - files: for each container, how many files it has open.
    ///   - isSnapshot: are its rows those of a snapshot that is read under another name?
    ///   - folder: where its rows go, below its name.
    /// - Throws: what kept it from being made.
    init(
      _ name: String, deleted: Bool = false, talks: Bool = false, files: [Int],
      isSnapshot: Bool = false, in folder: URL
    ) throws {
      let own = folder.appending(path: name)
      try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
      let containers = try files.map { (try Container(), $0) }
      let truth: [String: Any] = [
        "deleted": deleted, "talks": talks, "snapshot": isSnapshot,
        "containers": containers.map { ["groups": $0.0.directories, "files": $0.1] },
      ]
      let text = String(
        decoding: try JSONSerialization.data(withJSONObject: truth), as: UTF8.self)
      let output = try Command.run([
        "unshare", "--uts", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "python3",
        packageRoot().appending(path: "Tests/Fleet/host.py").path, name, Kiter.executable(),
        own.path, text,
      ])
      guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
      struct Said: Decodable {
        let deleted: [Int]
        let clients: [[Int]]
      }
      let said = try JSONDecoder().decode(Said.self, from: output.stdout)
      (self.name, self.deleted, clients) = (name, said.deleted, said.clients)
      self.files = Dictionary(uniqueKeysWithValues: containers.map { ($0.0.id, $0.1) })
    }
  }

  /// The cgroups of a container, as a runtime makes them.
  private final class Container {
    let id = (UUID().uuidString + UUID().uuidString).filter { $0 != "-" }.lowercased()
    private let groups: [ControlGroup]
    var directories: [String] { groups.map(\.directory) }

    init() throws {
      let path = "/system.slice/docker-\(id).scope"
      let mounts = [ControlGroup.Mount.unified, .legacy("memory")].compactMap { $0 }
      groups = try mounts.map { try ControlGroup(path, in: $0) }
    }
  }

  var hosts: [Host] = []

  /// "host pid" of each program whose file is gone.
  var deleted: Set<String> {
    Set(hosts.flatMap { host in host.deleted.map { "\(host.name) \($0)" } })
  }

  /// "host pid port" of each client of the address.
  var clients: Set<String> {
    Set(hosts.flatMap { host in host.clients.map { "\(host.name) \($0[0]) \($0[1])" } })
  }

  /// "host container files" of the ten with most files.
  var topContainers: [String] {
    hosts.flatMap { host in host.files.map { (host.name, $0, $1) } }
      .sorted { $0.2 > $1.2 }.prefix(10).map { "\($0.0) \($0.1) \($0.2)" }
  }
}
