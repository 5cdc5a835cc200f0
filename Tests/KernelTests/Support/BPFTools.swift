import Foundation

/// Programs of libbpf-tools at work: BPF users that have nothing to do with this project.
final class BPFUsers {
  private static let programs = [
    ("opensnoop", "tracepoint__syscalls__sys_exit_openat"), ("tcpstates", "handle_set_state"),
  ]
  /// The names of some of their BPF programs, which have no subprograms.
  static let programNames = Set(programs.map(\.1))
  private let processes: [Subprocess]

  /// Starts them and waits until their programs are attached.
  init(timeout: Duration = .seconds(60)) throws {
    processes = try Self.programs.map { tool, _ in
      // They find their tracepoints in tracefs, which is not mounted everywhere.
      let mount = "mountpoint -q $0 || mount -t tracefs tracefs $0"
      return try Subprocess([
        "unshare", "--mount", "sh", "-c", "\(mount); exec /usr/sbin/\(tool)", "/sys/kernel/tracing",
      ])
    }
    let deadline = ContinuousClock.now + timeout
    while try !Self.programNames.isSubset(of: Self.attachedPrograms()) {
      guard ContinuousClock.now < deadline else {
        throw Fixture.Failure(description: "opensnoop and tcpstates did not attach their programs")
      }
    }
  }

  private static func attachedPrograms() throws -> Set<String> {
    let attached = Set(try BPFTool.list("link", "show").compactMap { try? $0["prog_id"].int })
    let programs = try BPFTool.list("prog", "show").filter { attached.contains(try $0["id"].int) }
    return Set(programs.compactMap { try? $0["name"].string })
  }
}

/// bpftool, as an oracle.
enum BPFTool {
  /// What `bpftool -j` says of each object.
  static func list(_ arguments: String...) throws -> [Facts] {
    let output = try Command.run(["bpftool", "-j"] + arguments)
    return try JSONDecoder().decode(Facts.self, from: output.stdout).array
  }

  /// What `bpftool -j` says of one object; nil if it is not there.
  static func object(_ arguments: String...) -> Facts? {
    let output = try? Command.run(["bpftool", "-j"] + arguments)
    guard let output, output.status == 0 else { return nil }
    return try? JSONDecoder().decode(Facts.self, from: output.stdout)
  }

  /// Runs bpftool for its effect.
  static func run(_ arguments: [String]) throws {
    let output = try Command.run(["bpftool"] + arguments)
    guard output.status == 0 else {
      throw Fixture.Failure(description: "bpftool \(arguments): \(output.stderr)")
    }
  }
}
