import Foundation
import Testing

@Suite(.kernel) struct CommandTests {
  @Test func readsBothPipesWithoutDeadlock() throws {
    let script = "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; exit 3"
    let output = try Command.run(["sh", "-c", script])
    #expect(output.status == 3)
    #expect(output.stdout.count == 1_000_000)
    #expect(output.stderr.utf8.count == 1_000_000)
  }

  @Test func passesInputAndEnvironment() throws {
    let input = Data(repeating: 0x61, count: 500_000)
    let output = try Command.run(
      ["sh", "-c", "echo $GREETING; cat"], input: input,
      environment: ["GREETING": "hello", "PATH": "/usr/bin:/bin"])
    #expect(output.stdout == Data("hello\n".utf8) + input)
  }

  @Test func endsWhenTheProgramDoesNotReadItsInput() throws {
    let output = try Command.run(["true"], input: Data(repeating: 0, count: 1_000_000))
    #expect(output.ending == .exited(0))
  }

  @Test func killsWhatTakesTooLong() {
    #expect(throws: Command.TimedOut.self) {
      try Command.run(["sleep", "1000"], timeout: .milliseconds(50))
    }
  }
}

@Suite(.kernel) struct FixtureTests {
  @Test func unknownStateIsAnError() {
    #expect(throws: Fixture.Failure.self) { try Fixture("no-such-state") }
  }

  @Test func endsCleanlyAndRemovesItsFiles() throws {
    let fixture = try Fixture("files")
    let directory = try fixture.facts["directory"].string
    #expect(FileManager.default.fileExists(atPath: directory))
    #expect(fixture.stop() == .exited(0))
    #expect(!FileManager.default.fileExists(atPath: directory))
  }
}

@Suite(.kernel) struct TaskOracleTests {
  @Test func sleep() throws {
    let fixture = try Fixture("sleep")
    let task = ProcTask(fixture.pid)
    #expect(try task.commandLine == fixture.facts["command_line_hex"].bytes)
    #expect(try task.exe == fixture.facts["exe_hex"].bytes)
    #expect(try task.cwd == fixture.facts["cwd_hex"].bytes)
    #expect(try task.root == Array("/".utf8))
    #expect(try task.comm == Array("kiter-fixture".utf8))
    let stat = try task.stat
    #expect(try stat.ppid == fixture.facts["ppid"].int && stat.ppid == getpid())
    #expect(try stat.pgid == fixture.facts["pgid"].int)
    #expect(try stat.sid == fixture.facts["sid"].int)
    #expect(stat.pid == fixture.pid && stat.threadCount == 1)
    #expect(try task.io.readCalls > 0)
    #expect(try task.schedstat.runNanoseconds > 0)
    #expect(try task.limits["Max open files"]?.soft != nil)
    #expect(try task.cgroups.allSatisfy { $0.path.first == UInt8(ascii: "/") })
    #expect(try task.namespace("pid") > 0)
    #expect(try task.threads.map(\.tid) == [fixture.pid])
  }

  @Test(arguments: ["610a5c6e5c1b5b33", "29282920282922ff41"])
  func names(_ digits: String) throws {
    let fixture = try Fixture("names", digits)
    let task = ProcTask(fixture.pid)
    let name = try fixture.facts["comm_hex"].bytes
    #expect(try task.stat.comm == name)
    #expect(try task.status.name == name)
    #expect(try task.comm == name)
    #expect(try task.commandLine == fixture.facts["command_line_hex"].bytes)
  }

  @Test(arguments: [22, 300, 102_400]) func commandLine(_ size: Int) throws {
    let fixture = try Fixture("cmdline", "\(size)")
    let commandLine = try ProcTask(fixture.pid).commandLine
    #expect(commandLine.count == size)
    #expect(try commandLine == fixture.facts["command_line_hex"].bytes)
  }

  @Test func identity() throws {
    let fixture = try Fixture("identity")
    let (facts, task) = (fixture.facts, ProcTask(fixture.pid))
    let status = try task.status
    #expect(try status.uids.real == facts["uids"]["real"].int)
    #expect(try status.uids.effective == facts["uids"]["effective"].int)
    #expect(try status.uids.saved == facts["uids"]["saved"].int)
    #expect(try status.uids.fileSystem == facts["uids"]["fs"].int)
    #expect(try status.gids.real == facts["gids"]["real"].int)
    #expect(try status.gids.effective == facts["gids"]["effective"].int)
    #expect(try status.gids.saved == facts["gids"]["saved"].int)
    #expect(try status.gids.fileSystem == facts["gids"]["fs"].int)
    #expect(try status.groups.map(Int.init) == facts["groups"].array.map { try $0.int })
    let sets = facts["capabilities"]
    #expect(try status.effective == sets["effective"].uint)
    #expect(try status.permitted == sets["permitted"].uint)
    #expect(try status.inheritable == sets["inheritable"].uint)
    #expect(try status.ambient == sets["ambient"].uint)
    #expect(try status.bounding == sets["bounding"].uint)
    #expect(try status.noNewPrivileges == facts["no_new_privs"].bool)
    #expect(try status.seccompMode == facts["seccomp_mode"].int)
    #expect(try status.seccompFilters == facts["seccomp_filters"].int)
    #expect(try task.oomScoreAdjustment == facts["oom_score_adj"].int)
    #expect(try task.stat.nice == facts["nice"].int)
  }

  @Test func signals() throws {
    let fixture = try Fixture("signals")
    let status = try ProcTask(fixture.pid).status
    #expect(try status.blocked == fixture.facts["blocked"].uint)
    #expect(try status.ignored == fixture.facts["ignored"].uint)
    #expect(try status.caught == fixture.facts["caught"].uint)
    #expect(try status.pendingThread == fixture.facts["pending_thread"].uint)
    #expect(try status.pendingProcess == fixture.facts["pending_process"].uint)
  }

  @Test(arguments: [["scheduler"], ["scheduler", "fifo"]]) func scheduler(_ state: [String]) throws
  {
    let fixture = try state.count == 1 ? Fixture(state[0]) : Fixture(state[0], state[1])
    let task = ProcTask(fixture.pid)
    #expect(try task.stat.policy == fixture.facts["policy"].int)
    #expect(try task.stat.realTimePriority == fixture.facts["rt_priority"].int)
    #expect(try task.status.cpusAllowedList == "0")
    #expect(try task.sched.number("policy") == fixture.facts["policy"].int)
  }

  @Test func threads() throws {
    let fixture = try Fixture("threads", "3")
    let facts = try fixture.facts["threads"].array
    let threads = try ProcTask(fixture.pid).threads.filter { $0.tid != fixture.pid }
    #expect(try threads.map { Int($0.tid) } == facts.map { try $0["tid"].int })
    #expect(try threads.map { try $0.comm } == facts.map { try Array($0["name"].string.utf8) })
    for (thread, fact) in zip(threads, facts) {
      #expect(try thread.status.voluntarySwitches >= fact["voluntary_switches"].uint)
    }
    #expect(
      try ProcTask(fixture.pid).stat.minorFaults >= fixture.facts["usage"]["minor_faults"].uint)
  }

  @Test func zombies() throws {
    let fixture = try Fixture("zombie")
    let child = ProcTask(Int32(try fixture.facts["zombie_pid"].int))
    #expect(try child.stat.state == "Z")
    #expect(try child.stat.exitCode == 7 << 8)
    #expect(try child.status.residentBytes == nil)
    let headless = try Fixture("zombie-leader")
    #expect(try ProcTask(headless.pid).stat.state == "Z")
    let survivor = Int32(try headless.facts["survivor_tid"].int)
    #expect(try ProcTask(headless.pid, thread: survivor).comm == Array("survivor".utf8))
  }
}

@Suite(.kernel) struct FileOracleTests {
  @Test func files() throws {
    let fixture = try Fixture("files")
    let facts = try fixture.facts["files"].array
    #expect(facts.count >= 36)
    for fact in facts {
      let descriptor = try ProcDescriptor(fixture.pid, Int32(try fact["fd"].int))
      let kind = try fact["kind"].string
      #expect(try descriptor.link == fact["link_hex"].bytes, "\(kind)")
      #expect(try descriptor.inode == fact["inode"].uint, "\(kind)")
      #expect(try descriptor.status?.size == Int64(fact["size"].int), "\(kind)")
      #expect(try descriptor.status?.device == fact["device"].uint, "\(kind)")
      #expect(try descriptor.status?.mode == UInt32(fact["mode"].int), "\(kind)")
      if !fact["position"].isNull {
        #expect(try descriptor.position == fact["position"].int, "\(kind)")
      }
      let closeOnExec = try fact["close_on_exec"].bool ? UInt32(O_CLOEXEC) : 0
      #expect(try descriptor.flags == UInt32(fact["flags"].int) | closeOnExec, "\(kind)")
    }
    #expect(try ProcDescriptor.all(of: fixture.pid).count == facts.count + 3)
  }

  @Test func longPath() throws {
    let fixture = try Fixture("longpath")
    let descriptor = try ProcDescriptor(fixture.pid, Int32(try fixture.facts["fd"].int))
    #expect(descriptor.link.count == 4000)
    #expect(try descriptor.link == Array(fixture.facts["path"].string.utf8))
    #expect(try ProcTask(fixture.pid).cwd == Array(fixture.facts["cwd"].string.utf8))
  }

  @Test func zombieLeader() throws {
    let fixture = try Fixture("zombie-leader")
    let (pid, survivor) = (fixture.pid, try fixture.facts["survivor_tid"].int)
    let path = "/proc/\(pid)/task/\(survivor)/fd/\(try fixture.facts["fd"].int)"
    #expect(try ProcFiles.link(path) == Array(fixture.facts["path"].string.utf8))
  }
}

@Suite(.kernel) struct MemoryOracleTests {
  @Test func regions() throws {
    let fixture = try Fixture("memory")
    let maps = try ProcMapping.maps(of: fixture.pid)
    let smaps = try ProcMapping.smaps(of: fixture.pid)
    #expect(maps.map(\.start) == smaps.map(\.start))
    for fact in try fixture.facts["regions"].array {
      let (kind, start) = (try fact["kind"].string, try fact["start"].uint)
      let mapping = try #require(smaps.first { $0.start == start }, "\(kind)")
      #expect(try mapping.end == fact["end"].uint, "\(kind)")
      #expect(try mapping.permissions == fact["permissions"].string, "\(kind)")
      #expect(try mapping.offset == fact["offset"].uint, "\(kind)")
      #expect(try mapping.residentBytes >= fact["touched_bytes"].uint, "\(kind)")
      #expect(try mapping.flags.contains("rd") == mapping.permissions.hasPrefix("r"), "\(kind)")
      guard !fact["inode"].isNull else { continue }
      #expect(try mapping.inode == fact["inode"].uint, "\(kind)")
      #expect(try mapping.name == fact["path_hex"].bytes, "\(kind)")
    }
  }

  @Test func manyMappings() throws {
    let fixture = try Fixture("memory", "maps", "1000")
    let (start, end) = (try fixture.facts["start"].uint, try fixture.facts["end"].uint)
    let maps = try ProcMapping.maps(of: fixture.pid).filter { (start..<end).contains($0.start) }
    #expect(maps.count == 1000)
  }
}

@Suite(.kernel) struct SocketOracleTests {
  @Test func everyState() throws {
    let fixture = try Fixture("sockets")
    let proc = try SocketTable.allCases.flatMap { try ProcSocket.all($0, in: fixture.pid) }
    let ss = try SSSocket.all(in: fixture.pid)
    let facts = try fixture.facts["sockets"].array.filter {
      try $0["protocol_name"].string != "unix"
    }
    #expect(proc.count == facts.count && ss.count == facts.count)
    for fact in facts {
      let (role, local, remote) = (
        try fact["role"].string, try Self.end(fact["local"]), try Self.end(fact["remote"])
      )
      let inProc = try #require(
        proc.first { $0.local == local && (remote == nil || $0.remote == remote) }, "\(role)")
      let inSS = try #require(
        ss.first { $0.local == local && (remote == nil || $0.remote == remote) }, "\(role)")
      #expect(try inProc.inode == fact["inode"].uint, "\(role)")
      #expect(inSS.inode == inProc.inode, "\(role)")
      guard try fact["protocol_name"].string == "tcp" else { continue }
      #expect(try inSS.state == fact["state_name"].string, "\(role)")
      // A request for a connection is 3 there, a number that only it has.
      #expect(try inProc.state == UInt8(fact["state"].int), "\(role)")
      guard !fact["fd"].isNull else { continue }
      #expect(try inSS.receiveQueue == fact["receive_queue"].uint, "\(role)")
      #expect(try inSS.sendQueue == fact["send_queue"].uint, "\(role)")
      #expect(try inSS.cookie == fact["cookie"].uint, "\(role)")
    }
  }

  @Test func unix() throws {
    let fixture = try Fixture("sockets")
    let sockets = try ProcUnixSocket.all(in: fixture.pid)
    for fact in try fixture.facts["sockets"].array {
      guard try fact["protocol_name"].string == "unix" else { continue }
      let inode = try fact["inode"].uint
      let socket = try #require(sockets.first { $0.inode == inode })
      #expect(try socket.path == fact["name_hex"].bytes.map { $0 == 0 ? UInt8(ascii: "@") : $0 })
    }
  }

  @Test func netlink() throws {
    let fixture = try Fixture("files")
    let fact = try #require(
      try fixture.facts["files"].array.first { try $0["kind"].string == "netlink" })
    let inode = try fact["inode"].uint
    #expect(try ProcNetlinkSocket.all().contains { $0.inode == inode && $0.netlinkProtocol == 0 })
  }

  private static func end(_ fact: Facts) throws -> SocketEnd? {
    guard !fact.isNull else { return nil }
    return SocketEnd(address: try fact["address_hex"].bytes, port: UInt16(try fact["port"].int))
  }

  @Test(arguments: [
    ("tcp ESTAB 0 0 [::ffff:127.0.0.1]:80 [::1%lo]:443 ino:7 sk:1f", "[::ffff:127.0.0.1]:80"),
    ("udp UNCONN 0 0 *:53 *:* ino:9", "[::]:53"),
    ("tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* ino:9", "0.0.0.0:22"),
  ])
  func addresses(_ line: String, _ local: String) throws {
    #expect(try SSSocket(line).local.description == local)
  }
}

@Suite(.kernel) struct KernelOracleTests {
  @Test func symbols() throws {
    let symbols = try KernelSymbol.all()
    #expect(symbols.count > 1000)
    #expect(symbols.contains { $0.name == "_stext" && $0.type == "T" && $0.module == nil })
  }

  @Test func maps() throws {
    let path = "/sys/fs/bpf/kiter-oracle-\(getpid())"
    let created = try Command.run([
      "bpftool", "map", "create", path, "type", "array", "key", "4", "value", "8", "entries", "3",
      "name", "kiter_oracle",
    ])
    #expect(created.status == 0, "\(created.stderr)")
    defer { try? FileManager.default.removeItem(atPath: path) }
    let map = try #require(try BpftoolMap.all().first { $0.name == "kiter_oracle" })
    #expect(map.type == "array" && map.keySize == 4 && map.valueSize == 8 && map.maxEntries == 3)
    #expect(map.frozen == 0 && map.memlockBytes > 0)
  }
}

@Suite(.kernel) struct ProcessStateTests {
  @Test func namespaces() throws {
    let fixture = try Fixture("namespaces")
    let child = Int32(try fixture.facts["child_pid"].int)
    for (pid, facts) in [(fixture.pid, "namespaces"), (child, "child_namespaces")] {
      for (name, inode) in try fixture.facts[facts].object {
        #expect(try ProcTask(pid).namespace(name) == inode.uint, "\(name) of \(pid)")
      }
    }
    let innerPid = try fixture.facts["child_inner_pid"].int
    #expect(try ProcTask(child).status.nsPid == [child, Int32(innerPid)])
  }

  @Test func traced() throws {
    let fixture = try Fixture("traced")
    let child = ProcTask(Int32(try fixture.facts["traced_pid"].int))
    #expect(try child.status.tracerPid == fixture.pid)
  }

  @Test func terminal() throws {
    let fixture = try Fixture("tty")
    let stat = try ProcTask(Int32(try fixture.facts["child_pid"].int)).stat
    #expect(try stat.tty == fixture.facts["tty_rdev"].int)
    #expect(try stat.sid == fixture.facts["child_sid"].int)
    #expect(try stat.pgid == fixture.facts["child_pgid"].int)
    #expect(try stat.foregroundPgid == fixture.facts["foreground_pgid"].int)
  }

  @Test func manyProcesses() throws {
    let fixture = try Fixture("many", "50", "10")
    let pids = try fixture.facts["pids"].array.map { Int32(try $0.int) }
    #expect(pids.count == 50)
    for pid in pids {
      #expect(try ProcTask(pid).stat.ppid == fixture.pid)
      #expect(try ProcFiles.numbers(in: "/proc/\(pid)/fd").count == 3 + 10)
    }
    fixture.stop()
    #expect(pids.allSatisfy { (try? ProcTask($0).stat) == nil })
  }

  @Test func identify() throws {
    let fixture = try Fixture("identify", "5")
    for process in try fixture.facts["processes"].array {
      let task = ProcTask(Int32(try process["pid"].int))
      let token = try Array(process["token"].string.utf8)
      #expect(try task.comm == token)
      #expect(try task.commandLine.split(separator: 0)[2].elementsEqual(token))
      #expect(try task.cwd == Array(process["cwd"].string.utf8))
    }
  }

  @Test func churn() throws {
    let fixture = try Fixture("churn", "3")
    let churner = ProcTask(Int32(try fixture.facts["churner_pid"].int))
    // Waits until children have been collected, which shows as faults of children.
    while try churner.stat.childMinorFaults == 0 { sched_yield() }
  }

  @Test func mmapLockIsHeld() throws {
    let fixture = try Fixture("hold-mmap-lock", "1")
    let started = ContinuousClock.now
    #expect(try !ProcTask(Int32(fixture.facts["victim_pid"].int)).commandLine.isEmpty)
    #expect(ContinuousClock.now - started > .milliseconds(800))
  }
}
