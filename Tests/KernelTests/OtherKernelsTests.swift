import Foundation
import IteratorCatalog
import RecordSchema
import Testing

/// What cannot be tried on the running kernel: others, in qemu, and one that is locked down.
@Suite(.kernel(.apart), .serialized) struct OtherKernelsTests {
  /// What commands print in a kernel of Debian's.
  private static func boot(_ version: String, _ commands: String, _ arguments: String = "") throws
    -> String
  {
    let script = packageRoot().appending(path: "scripts/boot-kernel").path
    let output = try Command.run([script, version, commands, arguments], timeout: .seconds(400))
    #expect(output.status == 0, "\(output.stderr)")
    return output.text
  }

  /// The first look goes through libbpf, the others load folded programs from the cache.
  private static let everyTable = """
    mkdir -p /run
    for table in \(ContractTests.tables.joined(separator: " ")); do
      command=$(echo $table | tr _ -)
      kiter $command -c all -o jsonl >/dev/null && stat -c %i /run/kiter/cache/$table-* >/first &&
        kiter $command -c all -o jsonl >/dev/null && kiter $command -o jsonl >/dev/null &&
        kiter $command -c all -o jsonl >/dev/null && ls /run/kiter/cache/$table-*.* >/folded &&
        ls /run/kiter/cache/$table-* | grep -Fv . | xargs stat -c %i >/last &&
        cmp /first /last && echo "$table is good"
      kiter $command >/dev/null 2>/answer; echo "$table $?: $(cat /answer)"
    done
    kiter doctor; echo "doctor $?"
    kiter tasks -c pid,comm,cmdline,wchan --engine direct; echo "direct $?"
    """

  /// Open-coded iterators came with Linux 6.7; the first is a 6.1.
  @Test(arguments: [
    ("6.1", "direct 69"), ("6.12", "direct 0"), ("7-rt", "direct 0"),
  ])
  func everyTableRuns(version: String, direct: String) throws {
    let text = try Self.boot(version, Self.everyTable)
    for table in Catalog.tables {
      let (name, since) = (table.schema.name, table.schema.programs.map(\.since)[0])
      if since.compare(version, options: .numeric) != .orderedDescending {
        #expect(text.contains("\(name) is good"), "\(text)")
      } else {
        let refusal = text.split(separator: "\n").first { $0.hasPrefix("\(name) 69: ") }
        #expect(refusal?.contains("Linux \(since)") == true, "\(text)")
      }
    }
    #expect(text.contains("doctor 0"), "\(text)")
    #expect(text.contains(direct), "\(text)")
  }

  @Test func anOlderKernelIsRefused() throws {
    let text = try Self.boot(
      "5.10",
      """
      for command in "list" "tasks" "files" "sql select*from(maps)" "snapshot -o /s" "pin tasks" \
        "audit" "doctor" "tasks --engine direct"
      do kiter $command >/dev/null 2>/answer; echo "$command $?: $(cat /answer)"; done
      kiter doctor | grep MISSING
      """)
    let lines = text.split(whereSeparator: \.isNewline)
    #expect(lines.count { $0.contains(#/ 69: .*needs Linux 6\.1/#) } == 8, "\(text)")
    #expect(lines.contains { $0.hasPrefix("doctor 69:") }, "\(text)")
    #expect(lines.contains { $0.contains(#/MISSING +kernel: 5\.10.* is too old/#) }, "\(text)")
  }

  @Test(arguments: ["6.1", "6.12"])
  func pinsServeAUser(version: String) throws {
    let text = try Self.boot(
      version,
      """
      chmod 755 / /bin
      echo nobody:x:65534:65534::/:/bin/sh >>/etc/passwd; echo nogroup:x:65534: >/etc/group
      user() { start-stop-daemon -S -q -c nobody:nogroup -x /bin/kiter -- "$@"; }
      kiter pin tasks sockets --group nogroup >/dev/null; echo "pin $?"
      user sockets; echo "sockets $?"; user tasks -c exe; echo "lacking $?"
      kiter pin tasks --group nogroup --columns pid,exe >/dev/null
      user tasks -o csv --limit 1 --no-header; user files; echo "files $?"
      kiter unpin --all; echo "unpin $?"; user tasks; echo "tasks $?"
      """)
    let ends = ["pin 0", "sockets 0", "lacking 77", "files 77", "unpin 0", "tasks 77"]
    for end in ends {
      #expect(text.contains("\n\(end)\n") || text.hasPrefix("\(end)\n"), "\(text)")
    }
    #expect(text.contains("\n1,/bin/busybox\n"), "\(text)")
  }

  /// What a snapshot shows on this machine is what the other one showed itself.
  @Test func aSnapshotIsReadOnAnotherMachine() throws {
    let ask = ["tasks", "-c", "pid,comm,state,user,exe,start_time_ns,cgroup", "-o", "csv"]
    let text = try Self.boot(
      "6.1",
      """
      echo kestrel:x:0:0::/:/bin/sh >/etc/passwd
      kiter snapshot -o /file; echo "snapshot $?"; stat -c 'mode %a' /file
      kiter \(ask.joined(separator: " ")) --pid 1; kiter sockets --from /file >/dev/null && echo here
      echo begin; base64 /file; echo end
      """)
    let lines = text.split(separator: "\n").map(String.init)
    for line in ["snapshot 0", "mode 600", "here"] { #expect(lines.contains(line), "\(text)") }
    let begin = try #require(lines.firstIndex(of: "begin"))
    let end = try #require(lines.firstIndex(of: "end"))
    let bytes = try #require(Data(base64Encoded: lines[(begin + 1)..<end].joined()))
    let folder = try SnapshotFolder()
    try bytes.write(to: URL(filePath: folder.path("file")))
    let from = ["--from", folder.path("file")]
    let output = try folder.runAsNobody(ask + ["--pid", "1"] + from)
    let rows = output.text.split(separator: "\n").map(String.init)
    #expect(rows.count == 2 && rows.last?.contains(",kestrel,/bin/busybox,") == true)
    for row in rows { #expect(lines.contains(row), "\(text)") }
    let list = try folder.runAsNobody(["list"] + from)
    #expect(list.text.contains("Linux 6.1."), "\(list.text)")
    // Each time is that of the other machine, which was up for seconds.
    let age = try folder.rows(["tasks", "--pid", "1", "-c", "all"] + from)
    #expect(try #require(age.first?.number("elapsed_seconds")) < 400)
  }

  @Test(arguments: ["6.1", "6.12"])
  func anOutsidersTableAndTheTreeRun(version: String) throws {
    let pair = try OutsidePair()
    let packed = try Command.run(["gzip", "-9c", pair.object]).stdout.base64EncodedString()
    let schema = try Data(contentsOf: URL(filePath: pair.schema)).base64EncodedString()
    let text = try Self.boot(
      version,
      """
      ulimit -n 55; echo \(schema) | base64 -d >x.json
      echo \(packed) | base64 -d | gunzip >x.o
      kiter run x.o --schema x.json -c pid,files_soft,comm -o csv --tight; echo "run $?"
      NO_COLOR=1 kiter tasks --tree -c comm,ppid --no-header; echo "tree $?"
      """)
    #expect(text.hasPrefix("pid,files_soft,comm\n1,55,init\n"), "\(text)")
    #expect(text.contains(",55,kiter\nrun 0\n"), "\(text)")
    #expect(text.contains(#/\ninit +-\n└─ kiter +1\n/#), "\(text)")
    #expect(text.contains(#/\nkthreadd +-\n├─ /#), "\(text)")
    #expect(text.contains("tree 0"), "\(text)")
  }

  /// Those kernels have sock_diag(7) in a module, which is not there.
  @Test(arguments: ["6.1", "6.12"])
  func auditFindsWhatIsHiddenAndSaysWhatItCannotSee(version: String) throws {
    let text = try Self.boot(
      version,
      """
      mkdir -p /run /empty; kiter audit -c finding,pid,object -o csv; echo "before $?"
      mount --bind /empty /proc/2; kiter audit -c finding,pid,object -o csv; echo "after $?"
      """)
    let lines = text.split(whereSeparator: \.isNewline).map(String.init)
    let unchecked = lines.filter { $0.hasPrefix("not_checked") }
    let sockets = ["tcp", "udp", "unix", "netlink"].map { "not_checked,,\($0) sockets" }
    #expect(unchecked == sockets + sockets, "\(text)")
    let hidden = lines.filter { $0.hasPrefix("process_") }
    #expect(hidden == ["process_not_in_proc,2,process 2"], "\(text)")
    #expect(lines.contains("before 3") && lines.contains("after 3"), "\(text)")
  }

  @Test func lockdownIsNamed() throws {
    let text = try Self.boot(
      "6.1", "kiter tasks; echo \"tasks $?\"; kiter doctor; echo \"doctor $?\"",
      "lockdown=confidentiality")
    #expect(text.contains("the kernel is locked down (confidentiality)"), "\(text)")
    #expect(text.contains("boot with lockdown=integrity"))
    #expect(text.contains("tasks 77"))
    #expect(text.contains("MISSING  lockdown: confidentiality"))
    #expect(text.contains("doctor 77"))
  }
}
