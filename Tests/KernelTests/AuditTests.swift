import Foundation
import Glibc
import KernelIterators
import Testing

@testable import kiter

@_silgen_name("memfd_create") private func linuxMemfd(
  _ name: UnsafePointer<CChar>, _ flags: UInt32
) -> Int32

@Suite(.kernel) struct AuditedHostTests {
  @Test func findsCodeThatIsInNoFile() throws {
    let fixture = try Fixture("code")
    let rows = try findings(of: fixture.pid)
    func row(_ fact: String) throws -> Row? {
      let start = "0x" + String(try fixture.facts[fact].uint, radix: 16)
      return rows.first { $0.text("evidence")?.contains("\(start)-") == true }
    }
    let writable = try #require(try row("writable"))
    #expect(writable.text("finding") == "writable_code" && writable.text("severity") == "medium")
    #expect(writable.text("evidence")?.contains("rwxp") == true)
    #expect(writable.text("comm") == "kiter-fixture")
    let memory = try #require(try row("memfd"))
    #expect(memory.text("finding") == "memfd_code")
    #expect(memory.text("object") == "/memfd:fixture code")
    let deleted = try #require(try row("deleted"))
    #expect(deleted.text("finding") == "deleted_code" && deleted.text("severity") == "low")
    #expect(deleted.text("object") == (try fixture.facts["deleted_path"].string))
    #expect(try row("kept") == nil)
    #expect(rows.count == 3)
  }

  @Test func findsProgramsThatAreInNoFile() throws {
    let folder = try SnapshotFolder()
    let (gone, kept) = (folder.path("gone"), folder.path("kept (deleted)"))
    let memory = linuxMemfd("program", 0)
    let script = "cp /bin/cat \"$0\" && cp /bin/cat \"$1\" && cat /bin/cat >\"$2\""
    let copy = try Command.run(
      ["sh", "-c", script, gone, kept, "/proc/\(getpid())/fd/\(memory)"])
    #expect(copy.status == 0)
    // A file that is open for writing cannot be run.
    let program = open("/proc/self/fd/\(memory)", O_RDONLY)
    close(memory)
    defer { close(program) }
    let processes = try [gone, kept, "/proc/\(getpid())/fd/\(program)"].map { try answering([$0]) }
    defer { for process in processes { process.closeInput() } }
    try FileManager.default.removeItem(atPath: gone)

    let found = try processes.map { try findings(of: $0.pid).compactMap { $0.text("finding") } }
    #expect(found == [["deleted_executable"], [], ["memfd_executable"]])
    let row = try #require(try findings(of: processes[0].pid).first)
    #expect(row.text("object") == gone && row.text("comm") == "gone")
  }

  @Test func findsWhoIsTracedByAnotherThanTheParent() throws {
    let (stranger, parent) = (try Fixture("traced-by-stranger"), try Fixture("traced"))
    let traced = Int32(try stranger.facts["traced_pid"].int)
    let rows = try findings(of: traced)
    #expect(rows.map { $0.text("finding") } == ["traced_by_stranger"])
    let tracer = try stranger.facts["tracer_pid"].int
    let evidence = "tracer: \(tracer) (kiter-fixture); parent: \(stranger.pid) (kiter-fixture)"
    #expect(rows.first?.text("evidence") == evidence)
    #expect(try findings(of: Int32(try parent.facts["traced_pid"].int)).isEmpty)
  }

  /// What hides a process from ps without touching the kernel: its folder is covered.
  @Test(arguments: [
    ("mkdir -p $0 && mount --bind $0", "another file system is mounted over /proc/"),
    ("mount --bind /proc/$$", "is the folder of process"),
  ])
  func findsAProcessThatProcDoesNotShow(mount: String, evidence: String) throws {
    let folder = try SnapshotFolder()
    let fixture = try Fixture("sleep")
    let script =
      "\(mount) /proc/\(fixture.pid) && exec \(try Kiter.executable()) audit -ojsonl"
    let output = try Command.run(
      ["unshare", "--mount", "sh", "-c", script, folder.path("empty")])
    #expect(output.status == 0, "\(output.stderr)")
    let rows = try rows(of: output).filter { $0.number("pid") == Int64(fixture.pid) }
    #expect(rows.map { $0.text("finding") } == ["process_not_in_proc"])
    #expect(rows.first?.text("comm") == "kiter-fixture")
    #expect(rows.first?.text("evidence")?.contains(evidence) == true)
    #expect(try findings(of: fixture.pid).isEmpty)
  }

  /// Processes come and go, and threads with them: nothing that the host does not have without.
  @Test func forkingLoadIsNoFinding() throws {
    let churn = try [Fixture("churn", "200"), Fixture("churn", "20")]
    defer { for fixture in churn { fixture.stop() } }
    for _ in 0..<3 {
      let rows = try Kiter.rows(["audit"])
      let differences = rows.filter { row in
        let finding = row.text("finding") ?? ""
        return finding.contains("_in_") && !hostHides(row)
      }
      #expect(differences.isEmpty, "\(differences.map { $0.text("evidence") ?? "" })")
    }
  }

  /// A sandbox may keep its own first process from iterators: that is a finding there.
  private func hostHides(_ row: Row) -> Bool {
    row.text("finding") == "process_only_in_proc" && row.number("pid") == 1
  }

  @Test func failsOnFindingsThatAreAskedFor() throws {
    let fixture = try Fixture("code")
    let condition = "pid = \(fixture.pid)"
    func status(_ arguments: String...) throws -> Int32 {
      try Kiter.run(["audit"] + arguments).status
    }
    #expect(try status("--where", condition) == 0)
    #expect(try status("--where", condition, "--fail-on-findings") == 1)
    #expect(try status("--where", condition, "--limit", "0", "--fail-on-findings") == 1)
    #expect(try status("--where", "\(condition) AND severity = 'high'", "--fail-on-findings") == 0)
    #expect(try status("--where", "no_such_column") == 64)
    let counts = try Kiter.run(
      ["audit", "--where", condition, "--count-by", "finding", "-ocsv", "--sort", "finding"])
    #expect(
      counts.text.split(whereSeparator: \.isNewline).dropFirst() == [
        "deleted_code,1", "memfd_code,1", "writable_code,1",
      ])
  }
}

/// A check that cannot be made is no check that has found nothing.
@Suite(.kernel) struct AuditWithoutSightTests {
  @Test func withoutPrivilegeNothingIsChecked() throws {
    let output = try audit(["setpriv", "--reuid=65534", "--clear-groups"])
    #expect(output.status == 77)
    let rows = try rows(of: output)
    #expect(checks.count >= 6)
    #expect(Set(rows.map { $0.text("finding") }) == ["not_checked"])
    #expect(rows.compactMap { $0.text("object") } == checks)
    #expect(output.stderr.split(separator: "\n").count == 1)
    #expect(output.stderr.contains(checks.joined(separator: ", ")))
    #expect(output.stderr.contains("CAP_BPF"))
  }

  @Test func whatAloneNeedsMoreIsNotChecked() throws {
    let output = try audit(asNobody)
    #expect(output.status == 3)
    let unchecked = try rows(of: output).filter { $0.text("finding") == "not_checked" }
    #expect(unchecked.map { $0.text("object") } == checks.filter { $0.hasPrefix("BPF") })
    #expect(unchecked.allSatisfy { $0.isNull("severity") && $0.isNull("pid") })
    #expect(unchecked.first?.text("evidence")?.contains("CAP_SYS_ADMIN") == true)
  }

  @Test func processesOfAnotherProcAreNotChecked() throws {
    let output = try audit(["unshare", "--pid", "--fork"])
    #expect(output.status == 3)
    let rows = try rows(of: output).filter { ($0.text("object") ?? "").contains("process") }
    #expect(rows.map { $0.text("finding") } == ["not_checked"])
    #expect(rows.first?.text("evidence")?.contains("another pid namespace") == true)
  }

  /// The option hides processes from nobody but those without the capability.
  @Test func processesThatProcHidesByItsOptionsAreNotChecked() throws {
    let hiding = [
      "unshare", "--mount", "sh", "-c", "mount -t proc -o hidepid=2 proc /proc && exec \"$@\"",
      "sh",
    ]
    let nobody = try audit(hiding + asNobody)
    #expect(nobody.stderr.contains("processes not checked: /proc hides processes (hidepid)"))
    let root = try audit(hiding)
    #expect(root.status == 0)
    #expect(try rows(of: root).allSatisfy { $0.text("finding") != "process_not_in_proc" })
  }

  private let checks = Audit(AuditTables(cache: nil)).checks.map(\.name)

  private let asNobody = [
    "setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all,+bpf,+perfmon",
    "--ambient-caps=+bpf,+perfmon",
  ]

  private func audit(_ wrapper: [String]) throws -> Command.Output {
    let folder = try SnapshotFolder()
    return try Command.run(wrapper + [folder.kiter, "audit", "-ojsonl"])
  }
}

/// Lists that really are made, and one of them lies: what no test can have the kernel do.
@Suite(.kernel) struct AuditedViewsTests {
  private let tables = AuditTables(cache: nil)

  @Test func aProcessThatTheWalkLeavesOut() throws {
    let fixture = try Fixture("sleep")
    let honest = ProcessAudit(tables)
    let lying = ProcessAudit { try honest.walk().filter { $0.pid != UInt32(fixture.pid) } }
    let found = try lying.look().filter { $0.pid == UInt32(fixture.pid) }
    #expect(found.map(\.sort) == [.processOnlyInProc])
    #expect(found.first?.comm == Array("kiter-fixture".utf8))
    #expect(try honest.look().allSatisfy { $0.pid != UInt32(fixture.pid) })
  }

  @Test func aProcessThatIsNowhereElse() throws {
    let invented = ProcessAudit.Process(pid: 4_194_303, comm: nil, start: 1)
    let honest = ProcessAudit(tables)
    let lying = ProcessAudit { try honest.walk() + [invented] }
    let found = try lying.look().filter { $0.pid == invented.pid }
    #expect(found.map(\.sort) == [.processNotInProc])
    #expect(found.first?.evidence.contains("pidfd_open(2) does not find it") == true)
  }

  @Test(arguments: BPFObjectKind.allCases.filter { BPFAudit($0, AuditTables(cache: nil)) != nil })
  func bpfObjects(kind: BPFObjectKind) throws {
    let host = try PinnedHost()
    try host.pin("tasks")
    let link = try #require(BPFTool.object("link", "show", "pinned", "\(host.pins)/tasks"))
    let program = try link["prog_id"].int
    let maps = BPFTool.object("prog", "show", "id", "\(program)")
    let number =
      switch kind {
      case .map: try #require(try maps?["map_ids"].array.first?.int)
      case .prog: program
      case .link: try link["id"].int
      }
    let honest = try #require(BPFAudit(kind, tables))
    let id = UInt32(number)
    let hiding = BPFAudit(kind: kind) { try honest.walk().filter { $0.id != id } }
    let hidden = try hiding.look().filter { $0.sort == .bpfOnlyInSyscall }
    #expect(hidden.map(\.object) == [Array("\(kind.rawValue) \(id)".utf8)])
    let inventing = BPFAudit(kind: kind) { try honest.walk() + [(4_000_000_000, "hash x")] }
    let invented = try inventing.look().filter { $0.sort == .bpfNotInSyscall }
    #expect(invented.map(\.object) == [Array("\(kind.rawValue) 4000000000".utf8)])
  }

  @Test(arguments: DiagnosedKind.allCases)
  func sockets(kind: DiagnosedKind) throws {
    let socket = try OpenSocket(kind)
    let cookie = socket.cookie
    let honest = SocketAudit(kind, tables)
    let hiding = SocketAudit(kind) { try honest.walk().filter { $0.cookie != cookie } }
    let hidden = try hiding.look().filter { $0.identity == [cookie] }
    #expect(hidden.map(\.sort) == [.socketOnlyInNetlink])
    let name = String(decoding: hidden.first?.object ?? [], as: UTF8.self)
    #expect(name.hasPrefix("\(kind) ") && name.hasSuffix("inode \(socket.inode)"))
    let inventing = SocketAudit(kind) {
      try honest.walk() + [(cookie: 1 << 60, name: "\(kind) of nobody")]
    }
    let invented = try inventing.look().filter { $0.identity == [1 << 60] }
    #expect(invented.map(\.sort) == [.socketNotInNetlink])
    #expect(try honest.look().allSatisfy { $0.identity != [cookie] })
  }

  /// Every state that a socket may be in: both lists have each.
  @Test func socketsOfEveryStateAreInBothLists() throws {
    let fixture = try Fixture("sockets")
    let output = try Command.run([
      "nsenter", "--net=/proc/\(fixture.pid)/ns/net", try Kiter.executable(), "audit", "-ojsonl",
      "--where", "finding LIKE 'socket%' OR finding = 'not_checked'",
    ])
    #expect(output.status == 0, "\(output.stderr)")
    #expect(output.stdout.isEmpty, "\(output.text)")
  }
}

/// A socket that both lists show: one of TCP must listen, one of UDP and netlink be bound.
private struct OpenSocket: ~Copyable {
  let number: Int32
  private(set) var (cookie, inode): (UInt64, UInt64) = (0, 0)

  init(_ kind: DiagnosedKind) throws {
    let (family, type) =
      switch kind {
      case .tcp: (AF_INET, SOCK_STREAM)
      case .udp: (AF_INET, SOCK_DGRAM)
      case .unix: (AF_UNIX, SOCK_STREAM)
      case .netlink: (AF_NETLINK, SOCK_RAW)
      }
    number = socket(family, Int32(type.rawValue), 0)
    var address = [UInt8](repeating: 0, count: kind == .netlink ? 12 : 16)
    address[0] = UInt8(family)
    let size = socklen_t(address.count)
    let isBound = address.withUnsafeBytes { bytes in
      // SAFETY: an address of these families has the size that is passed.
      bind(number, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), size) == 0
    }
    try #require(kind == .unix || isBound)
    if kind == .tcp { try #require(listen(number, 1) == 0) }
    let option: Int32 = 57
    var (length, status) = (socklen_t(8), stat())
    // SAFETY: SO_COOKIE has eight bytes; fstat fills the structure.
    try #require(getsockopt(number, SOL_SOCKET, option, &cookie, &length) == 0)
    // SAFETY: as above.
    try #require(fstat(number, &status) == 0)
    inode = UInt64(status.st_ino)
  }

  deinit { close(number) }
}

/// The findings about a process.
private func findings(of pid: Int32) throws -> [Row] {
  try Kiter.rows(["audit", "--where", "pid = \(pid)"])
}

private func rows(of output: Command.Output) throws -> [Row] {
  try output.stdout.split(separator: UInt8(ascii: "\n")).map { try Row(json: $0) }
}

/// Starts a program that copies its input, and waits until it runs.
private func answering(_ arguments: [String]) throws -> Subprocess {
  let process = try Subprocess(arguments)
  _ = process.send(Data("running".utf8))
  var answer = [UInt8](repeating: 0, count: 16)
  // SAFETY: read is given the size of the buffer.
  guard read(process.output, &answer, answer.count) > 0 else {
    throw Fixture.Failure(description: "\(arguments) does not run")
  }
  return process
}
