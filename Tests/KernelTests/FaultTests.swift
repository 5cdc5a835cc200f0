import Foundation
import Glibc
import Testing

/// Each system call of kiter's fails once, and every limit is reached: kiter says what is missing on
/// one line, with an exit code that it promises, or what it writes is right.
@Suite(.kernel) struct FaultTests {
  /// The exit codes that kiter promises for what it cannot do.
  private static let failures: [Int32] = [1, 3, 69, 77]
  /// What is run, but for the process that it is about.
  private static let commands: [[String]] = [
    ["tasks", "-c", "pid,comm,cmdline,cwd,user,cgroup,started_at", "--pid"],
    ["tasks", "--no-cache", "-c", "pid,comm,user", "--pid"],
    ["files", "-c", "pid,fd,path", "--sort", "fd", "--pid"],
    ["vmas", "-c", "pid,start,path", "--pid"],
    ["cgroups", "-c", "path,id", "--where", "path = '/'", "--limit"],
    [
      "sockets", "--owners", "--unix", "-c", "protocol,pid", "--where", "inode = 1", "--count",
      "--limit",
    ],
    ["sockets", "--all-netns", "--udp", "--where", "inode = 1", "--count", "--limit"],
  ]

  @Test(arguments: commands) func eachCallMayFail(command: [String]) throws {
    let target = try Subprocess(["sleep", "1000"])
    let command = try [Kiter.executable()] + command + ["\(target.pid)", "-o", "jsonl"]
    let (right, calls) = try FailingCall.trace([], command)
    try #require(right.status == 0 && !right.stdout.isEmpty && right.stderr.isEmpty, "\(right)")
    let failing = FailingCall.all(in: calls)
    #expect(Set(failing.map(\.call)).isSuperset(of: ["bpf", "read", "write"]))
    for call in failing {
      let output = try call.run(command)
      try Self.check(output, right: right, "\(command.dropFirst()), \(call)")
    }
  }

  /// A file is whole, or not there.
  @Test func eachCallOfASnapshotMayFail() throws {
    let folder = try SnapshotFolder()
    let path = folder.path("snapshot")
    let command = [folder.kiter, "snapshot", "-o", path, "cgroups"]
    for call in FailingCall.all(in: try FailingCall.trace([], command).calls) {
      try? FileManager.default.removeItem(atPath: path)
      let output = try call.run(command)
      if output.status == 0 {
        let rows = try Kiter.rows("cgroups", "--from", path, "-c", "path")
        #expect(rows.contains { $0.text("path") == "/" }, "\(call)")
      } else {
        Self.checkError(output, "\(call)")
        #expect(!FileManager.default.fileExists(atPath: path), "\(call)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.folder.path).count <= 2)
    }
  }

  /// A pin is made, or none is left.
  @Test func eachCallOfPinMayFail() throws {
    let host = try PinnedHost()
    try host.pin("tasks")
    let command = [host.kiter, "pin", "tasks", "--path", host.pins, "--group", PinnedHost.group]
    for call in FailingCall.all(in: try FailingCall.trace([], command).calls) {
      let output = try call.run(command)
      if output.status != 0 { Self.checkError(output, "\(call)") }
      #expect(Set(host.files).isSubset(of: ["tasks"]), "\(call): \(host.files)")
      // Making one replaces the old one: a failure leaves that, or none.
      if host.files.isEmpty { #expect(output.status != 0) }
    }
    let rows = try host.rows("tasks", "--pid", "\(getpid())", "-c", "pid")
    #expect(rows.map { $0.number("pid") } == [Int64(getpid())])
  }

  @Test func anyNumberOfDescriptors() throws {
    try checkLimits("-n", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 20, 24, 32, 48, 64])
  }

  @Test func anyAmountOfAddresses() throws {
    try checkLimits("-v", (1...30).map { $0 * 8 << 10 } + [300 << 10, 400 << 10, 600 << 10])
  }

  /// Memory of BPF is not locked memory since Linux 5.11.
  @Test func noLockedMemoryIsNeeded() throws {
    let output = try limited("-l", 0, ["tasks", "--pid", "\(getpid())", "-c", "pid", "-o", "csv"])
    #expect(output.text == "pid\n\(getpid())\n")
  }

  private func limited(_ option: String, _ limit: Int, _ arguments: [String]) throws
    -> Command.Output
  {
    try Command.run(
      ["bash", "-c", "ulimit \(option) \(limit) && exec \"$@\"", "bash", Kiter.executable()]
        + arguments)
  }

  private func checkLimits(_ option: String, _ limits: [Int]) throws {
    let target = try Subprocess(["sleep", "1000"])
    let arguments = ["tasks", "-c", "pid,comm,user", "--pid", "\(target.pid)", "-o", "jsonl"]
    let right = try Kiter.run(arguments)
    var statuses: [Int32] = []
    for limit in limits {
      for cold in [[], ["--no-cache"]] {
        let output = try limited(option, limit, arguments + cold)
        statuses.append(output.status)
        // With too little for the dynamic linker or the kernel's execve(2), kiter never runs.
        if output.status == 127 || output.status == 128 + SIGKILL { continue }
        if output.status == 128 + SIGSEGV && output.stderr.isEmpty { continue }
        try Self.check(output, right: right, "ulimit \(option) \(limit) \(cold)")
      }
    }
    #expect(statuses.contains(0) && statuses.contains(where: Self.failures.contains))
  }

  @Test(arguments: ["bpf", "perfmon", "sys_admin", "net_admin", "sys_ptrace", "sys_resource"])
  func anyCapabilityMayBeMissing(capability: String) throws {
    let target = try Subprocess(["sleep", "1000"])
    let arguments = ["tasks", "-c", "pid,comm,cwd,user", "--pid", "\(target.pid)", "-o", "jsonl"]
    let right = try Kiter.run(arguments)
    for cold in [[], ["--no-cache"]] {
      let output = try Command.run(
        ["setpriv", "--bounding-set", "-\(capability)", Kiter.executable()] + arguments + cold)
      try Self.check(output, right: right, "without CAP_\(capability.uppercased())")
    }
  }

  /// As containers' filters do: bpf(2), new threads, setns(2), statfs(2) and fstatfs(2).
  @Test(arguments: [
    ("321", EPERM), ("321", ENOSYS), ("56,435", EAGAIN), ("308", EPERM), ("137,138", EPERM),
  ])
  func anyCallMayBeFiltered(numbers: String, code: Int32) throws {
    let target = try Subprocess(["sleep", "1000"])
    let commands = [
      ["tasks", "-c", "pid,comm,cwd,user", "--pid", "\(target.pid)", "-o", "jsonl"],
      // Long enough to be read ahead, by another thread.
      ["ksyms", "-c", "name,type", "--limit", "50000", "-o", "jsonl"],
      ["sockets", "--all-netns", "--udp", "--where", "inode = 1", "--count", "-o", "jsonl"],
    ]
    for command in commands {
      let right = try Kiter.run(command)
      #expect(right.status == 0 && right.stderr.isEmpty)
      let output = try Command.run(
        [Fixture.executable(), "refuse", numbers, "\(code)", Kiter.executable()] + command)
      try Self.check(output, right: right, "\(command[0]) without \(numbers): \(code)")
      if numbers == "321" { #expect([69, 77].contains(output.status), "\(output.stderr)") }
    }
  }

  @Test func aFullDiskIsNamed() throws {
    let script = """
      \(try Kiter.executable()) tasks >/dev/full; echo "tasks $?"
      \(try Kiter.executable()) tasks --json >/dev/full; echo "json $?"
      \(try Kiter.executable()) list >/dev/full; echo "list $?"
      mount -t tmpfs -o size=16k none /mnt && cd /mnt
      \(try Kiter.executable()) snapshot -o file; echo "snapshot $? $(ls)"
      mount -o remount,ro /mnt
      \(try Kiter.executable()) snapshot -o file; echo "snapshot $? $(ls)"
      """
    let output = try Command.run(["unshare", "--mount", "bash", "-c", script])
    #expect(output.text == "tasks 1\njson 1\nlist 1\nsnapshot 1 \nsnapshot 1 \n")
    let lines = output.stderr.split(separator: "\n")
    #expect(lines.count == 5 && lines.allSatisfy { $0.hasPrefix("kiter: ") }, "\(output.stderr)")
    #expect(lines.prefix(4).allSatisfy { $0.contains("No space left on device") }, "\(lines)")
    #expect(lines.last?.contains("Read-only file system") == true)
  }

  /// The cache saves time and no more.
  @Test(arguments: ["size=4k", "ro", "nr_inodes=1"]) func theCacheMayBeFull(options: String) throws
  {
    let arguments = "tasks --pid $$ -c pid,comm -o csv --no-header"
    let script = """
      mount -t tmpfs -o \(options) none /run || exit 9
      echo "$$,bash"
      \(try Kiter.executable()) \(arguments); \(try Kiter.executable()) \(arguments); exit $?
      """
    let output = try Command.run(["unshare", "--mount", "bash", "-c", script])
    let lines = output.text.split(separator: "\n")
    #expect(lines.count == 3 && Set(lines).count == 1, "\(lines) \(output.stderr)")
    #expect(output.status == 0 && output.stderr.isEmpty)
  }

  @Test func procIsAskedFor() throws {
    let output = try Command.run([
      "unshare", "--mount", "sh", "-c", "kiter=$1; umount -l /proc && exec \"$kiter\" list", "sh",
      Kiter.executable(),
    ])
    #expect(output.status == 1)
    #expect(output.stderr.hasSuffix("; mount procfs (mount -t proc proc /proc)\n"))
    #expect(output.stderr.hasPrefix("kiter: /proc/self/exe: "))
  }

  /// bpffs is for pins alone.
  @Test func bpffsIsNotNeeded() throws {
    let script = "umount -l /sys/fs/bpf; exec \"$0\" tasks --pid $$ -c comm -o csv --no-header"
    let output = try Command.run(["unshare", "--mount", "sh", "-c", script, Kiter.executable()])
    #expect(output.text == "kiter\n" && output.status == 0, "\(output.stderr)")
  }

  // MARK: What may come out

  private static func check(_ output: Command.Output, right: Command.Output, _ what: String) throws
  {
    switch output.status {
    case 0 where output.stdout == right.stdout: break
    case 0:
      #expect(output.stderr.hasPrefix("kiter: "), "\(what) changes the output and says nothing")
      try checkDegraded(output, right: right, what)
    default:
      checkError(output, what)
      let isStart = right.stdout.starts(with: output.stdout)
      #expect(isStart, "\(what): \(output.text)")
      #expect(output.status != 3 || !output.stdout.isEmpty, "\(what): 3 without a record")
    }
  }

  /// Values may be missing, none may be another.
  private static func checkDegraded(_ output: Command.Output, right: Command.Output, _ what: String)
    throws
  {
    func rows(_ output: Command.Output) throws -> [Row] { try PinnedHost.rows(output.stdout) }
    let (rows, all) = (try rows(output), try rows(right))
    #expect(rows.count == all.count, "\(what)")
    for (row, right) in zip(rows, all) {
      for name in right.names where !row.isNull(name) {
        #expect(row.value(name) == right.value(name), "\(what): \(name)")
      }
    }
  }

  private static func checkError(_ output: Command.Output, _ what: String) {
    #expect(failures.contains(output.status), "\(what): status \(output.status) \(output.stderr)")
    let lines = output.stderr.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 2 && lines[0].hasPrefix("kiter: "), "\(what): \(output.stderr)")
  }
}
