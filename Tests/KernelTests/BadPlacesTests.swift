import Foundation
import IteratorCatalog
import RecordSchema
import Testing

/// Hosts that refuse or lack something, and processes that are hard to look at.
@Suite(.kernel) struct BadPlacesTests {
  /// kiter where a user without privileges can run it.
  private static func publicCopy() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())")
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    let copy = folder.appending(path: "kiter")
    try FileManager.default.copyItem(atPath: Kiter.executable(), toPath: copy.path)
    return copy
  }

  private static func runUnprivileged(_ capabilities: String, _ arguments: [String]) throws
    -> Command.Output
  {
    let copy = try publicCopy()
    defer { try? FileManager.default.removeItem(at: copy.deletingLastPathComponent()) }
    return try Command.run(
      [
        "setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=\(capabilities)",
        "--ambient-caps=\(capabilities)", copy.path,
      ] + arguments)
  }

  @Test(arguments: ["-all", "+bpf", "+perfmon"])
  func missingCapabilitiesAreNamed(capabilities: String) throws {
    let output = try Self.runUnprivileged(capabilities, ["tasks"])
    #expect(output.status == 77)
    #expect(output.stderr.contains("CAP_BPF and CAP_PERFMON; run as root"), "\(output.stderr)")
    #expect(output.stderr.split(separator: "\n").count == 1, "one line: \(output.stderr)")
    let doctor = try Self.runUnprivileged(capabilities, ["doctor"])
    #expect(doctor.status == 77)
    #expect(doctor.text.contains("MISSING  capabilities: no CAP_"))
    #expect(doctor.text.contains("fix: run kiter as root"))
  }

  @Test func twoCapabilitiesAreEnough() throws {
    let output = try Self.runUnprivileged("+bpf,+perfmon", ["tasks", "-c", "pid,cmdline"])
    #expect(output.status == 0, "\(output.stderr)")
    #expect(output.text.contains("tasks -c pid,cmdline"))
  }

  @Test(arguments: Catalog.tables.map { $0.schema }.filter { !$0.scopes.contains(.map) })
  func twoCapabilitiesAreEnough(schema: Schema) throws {
    let arguments = [ContractTests.command(schema.name), "--columns", "all", "--output", "csv"]
    let output = try Self.runUnprivileged("+bpf,+perfmon", arguments)
    #expect(output.status == 0, "\(output.stderr)")
    #expect(output.text.hasPrefix(schema.columns[0].name))
    // Addresses of symbols are for those who may see them; other values change under the reader.
    #expect(output.stderr.split(separator: "\n").allSatisfy { $0.hasSuffix("not readable") })
  }

  /// bpf(2) gives maps by their numbers to nobody else.
  @Test(arguments: Catalog.tables.map { $0.schema }.filter { $0.scopes.contains(.map) })
  func mapsByNumberTakeMore(schema: Schema) throws {
    let command = ContractTests.command(schema.name)
    let output = try Self.runUnprivileged("+bpf,+perfmon", [command])
    #expect(output.status == 77 && output.stderr.contains("CAP_SYS_ADMIN"), "\(output.stderr)")
    #expect(try Self.runUnprivileged("+bpf,+perfmon,+sys_admin", [command]).status == 0)
  }

  /// CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, NET_ADMIN, SYS_PTRACE, SYS_ADMIN, SYSLOG, PERFMON, BPF.
  @Test(.enabled(if: geteuid() == 0)) func whatIsNeverNeededIsGivenUp() throws {
    let process = try Subprocess([Kiter.executable(), "tasks", "--watch=1", "-o", "jsonl"])
    defer { process.kill() }
    var lines = LineReader(process.output)
    _ = try lines.next()
    let status = try ProcFiles.text("/proc/\(process.pid)/status")
    for set in ["CapEff", "CapPrm"] {
      #expect(status.contains("\(set):\t000000c40028100f\n"), "\(status)")
    }
  }

  @Test func aKernelWithoutTypesIsNamed() throws {
    let kiter = try Kiter.executable()
    let script = """
      mount -t tmpfs none /sys/kernel/btf
      \(kiter) tasks --no-cache; echo "tasks $?"
      \(kiter) list; echo "list $?"
      \(kiter) doctor; echo "doctor $?"
      """
    let output = try Command.run(["unshare", "--mount", "sh", "-c", script])
    #expect(output.text.contains("tasks 69\n"))
    #expect(output.text.contains("list 69\n"))
    #expect(output.text.contains("doctor 69\n"))
    #expect(output.stderr.contains("no type information (BTF); kiter doctor says what to do"))
    #expect(output.text.contains("CONFIG_DEBUG_INFO_BTF=y"))
  }

  @Test func pidsAreThoseOfTheOwnNamespace() throws {
    let kiter = try Kiter.executable()
    let script = "sleep 1000 & \(kiter) tasks -o csv -c pid,ppid,comm --no-header; kill $!"
    let output = try Command.run(
      ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", script])
    let lines = output.text.split(separator: "\n").sorted()
    #expect(lines == ["1,,sh", "2,1,sleep", "3,1,kiter"], "\(output.stderr)")
    let scoped = "sleep 1000 & \(kiter) tasks -o csv -c pid,comm --no-header --pid $!; kill $!"
    let one = try Command.run(["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", scoped])
    #expect(one.text == "2,sleep\n")
  }

  @Test func theDoctorKnowsAPidNamespace() throws {
    let output = try Command.run(
      ["unshare", "--pid", "--fork", "--mount-proc", Kiter.executable(), "doctor"])
    #expect(output.text.contains("note     pid namespace: not the host's"))
  }

  /// A name that would clear the screen, end the row, or break the JSON.
  @Test func aHostileNameDoesNoHarm() throws {
    let name = "1b5b324a0a22275cff"
    let fixture = try Fixture("names", name)
    let scope = ["tasks", "--pid", "\(fixture.pid)", "-c", "comm"]
    let table = try Kiter.run(scope + ["--no-header"])
    #expect(table.text == "\\x1b[2J\\n\"'\\\\xff\n")
    let row = try #require(
      try Kiter.rows("tasks", "--pid", "\(fixture.pid)", "-c", "comm,cmdline").first)
    let bytes = try fixture.facts["comm_hex"].bytes
    #expect(row.bytes("comm") == bytes)
    #expect(row.bytes("cmdline")?.contains(0xff) == true)
    let csv = try Kiter.run(scope + ["-o", "csv", "--no-header"])
    #expect(csv.text.hasPrefix("\"\u{1b}[2J\n\"\"'"))
  }

  @Test func aLongCommandLineIsMarked() throws {
    let fixture = try Fixture("cmdline", "102400")
    let output = try Kiter.run([
      "tasks", "--pid", "\(fixture.pid)", "-c", "pid,cmdline,exe,cwd", "-o", "jsonl",
    ])
    #expect(output.status == 0)
    #expect(output.stderr == "kiter: tasks: one value of cmdline was cut\n")
    let row = try Row(json: output.stdout)
    #expect(row.list("_cut") == ["cmdline"])
    #expect((row.text("cmdline")?.utf8.count ?? 0) >= 20 << 10)
    let table = try Kiter.run(["tasks", "--pid", "\(fixture.pid)", "-c", "cmdline", "--no-header"])
    #expect(table.text.hasSuffix("…\n"))
  }

  @Test func aProcessThatEndsMeanwhileIsNoSurprise() throws {
    let churn = try Fixture("churn", "200")
    for _ in 0..<5 {
      let output = try Kiter.run(["tasks", "-c", "all", "--json"])
      #expect(output.status == 0, "\(output.stderr)")
      #expect(try JSONSerialization.jsonObject(with: output.stdout) is [Any])
    }
    withExtendedLifetime(churn) {}
  }

  /// kiter looks whether the process is there, then loads (some 20 ms without the cache), then reads: a
  /// process that is killed in between is met by one of these delays.
  @Test func aTargetThatEndsMeanwhileIsNamed() throws {
    let script = """
      for delay in $(seq 4 2 120); do
        sleep 1000 & target=$!
        \(try Kiter.executable()) tasks --no-cache --pid $target -c pid -o csv >/dev/null & reader=$!
        sleep 0.$(printf %03d $delay); kill -9 $target; wait $target; wait $reader
        echo "exit $?"
      done 2>&1
      """
    let output = try Command.run(["bash", "-c", script])
    #expect(output.text.contains("ended while it was looked at\nexit 1\n"), "\(output.text)")
  }

  @Test func twentyThousandProcesses() throws {
    let fixture = try Fixture("many", "20000", timeout: .seconds(300))
    let output = try Kiter.run(["tasks", "-c", "pid,ppid", "-o", "csv", "--no-header"])
    #expect(output.status == 0, "\(output.stderr)")
    let children = output.text.split(separator: "\n").filter { $0.hasSuffix(",\(fixture.pid)") }
    #expect(children.count == 20_000)
    #expect(Set(children).count == 20_000)
  }
}
