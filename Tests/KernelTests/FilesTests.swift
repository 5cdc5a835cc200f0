import Foundation
import Glibc
import Testing

@Suite(.kernel) struct FilesTests {
  @Test func equalsProc() throws {
    let churn = try Fixture("churn", "200")
    let (files, sockets) = (try Fixture("files"), try Fixture("sockets"))
    let users = try BPFUsers()
    defer { for fixture in [churn, files, sockets] { fixture.stop() } }
    var comparison = FieldComparison("files")
    try withExtendedLifetime(users) {
      let before = try OpenFile.all()
      let rows = try Kiter.rows("files", "--columns", "all")
      let after = try OpenFile.all()
      let shown = Self.byKey(rows)
      let both = before.filter { after[$0.key] != nil }
      let stable = both.filter { after[$0.key] == $0.value }
      for (key, file) in stable {
        let row = try #require(shown[key], "\(key) \(file.link) is missing")
        file.compare(row, &comparison)
      }
      #expect(stable.count > 150 && stable.count * 10 > both.count * 9, "\(stable.count)")
      for fixture in [files, sockets] {
        let found = rows.filter { $0.number("pid") == Int64(fixture.pid) }.count
        #expect(try found == ProcDescriptor.all(of: fixture.pid).count)
      }
      // Without these, the comparison would be one of nulls.
      let kinds = Set(stable.values.compactMap { shown[$0.key]?.text("anon") })
      #expect(kinds.isSuperset(of: ["bpf-map", "bpf-prog", "bpf_link", "eventpoll", "pidfd"]))
    }
    try comparison.finish()
  }

  private static func byKey(_ rows: [Row]) -> [OpenFile.Key: Row] {
    var result: [OpenFile.Key: Row] = [:]
    for row in rows where row.number("tid") == row.number("pid") {
      let key = OpenFile.Key(
        pid: Int32(row.number("pid") ?? 0), fd: Int32(row.number("fd") ?? -1))
      #expect(result.updateValue(row, forKey: key) == nil, "\(key) is there twice")
    }
    return result
  }

  /// The rows of a process by descriptor.
  private static func rows(of pid: Int32, _ arguments: String...) throws -> [Int64: Row] {
    let output = try Kiter.run(
      ["files", "--pid", "\(pid)", "--columns", "all", "-o", "jsonl"] + arguments)
    #expect(output.status == 0, "\(output.stderr)")
    let rows = try output.stdout.split(separator: UInt8(ascii: "\n")).map { try Row(json: $0) }
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.number("fd") ?? -1, $0) })
  }

  @Test func showsEverySortOfTheFixture() throws {
    let fixture = try Fixture("files")
    defer { fixture.stop() }
    let rows = try Self.rows(of: fixture.pid)
    var kinds: [String: Row] = [:]
    for fact in try fixture.facts["files"].array {
      let kind = try fact["kind"].string
      let row = try #require(rows[Int64(try fact["fd"].int)], "\(kind)")
      kinds[kind] = row
      #expect(try row.number("inode") == Int64(fact["inode"].int), "\(kind)")
      #expect(try row.text("device") == deviceText(fact["device"].uint), "\(kind)")
      #expect(
        try row.number("position") == (fact["position"].isNull ? nil : Int64(fact["position"].int)),
        "\(kind)")
      let closes = row.list("flags")?.contains("cloexec")
      #expect(try closes == fact["close_on_exec"].bool, "\(kind)")
    }
    #expect(kinds["positioned"]?.number("position") == 789)
    #expect(kinds["regular"]?.number("size_bytes") == 1234)
    #expect(kinds["append"]?.list("flags") == ["wronly", "append", "largefile"])
    #expect(kinds["sync"]?.list("flags") == ["wronly", "sync", "largefile"])
    #expect(kinds["character_device"]?.text("special_device") == "1:3")
    #expect(kinds["symlink"]?.text("type") == "symlink")
    let directory = try fixture.facts["directory"].string
    #expect(kinds["named_deleted"]?.text("path") == directory + "/x (deleted)")
    #expect(kinds["named_deleted"]?.flag("deleted") == false)
    #expect(kinds["unlinked"]?.text("path") == directory + "/unlinked")
    #expect(kinds["unlinked"]?.flag("deleted") == true)
    #expect(kinds["memfd"]?.text("path") == "/memfd:fixture memory")
    #expect(kinds["memfd"]?.flag("deleted") == true)
    for (kind, name) in ["eventfd": "eventfd", "epoll": "eventpoll", "inotify": "inotify"] {
      #expect(kinds[kind]?.text("type") == "anon")
      #expect(kinds[kind]?.text("anon") == name)
    }
  }

  @Test func showsSocketsOfAnotherNetwork() throws {
    let fixture = try Fixture("sockets")
    defer { fixture.stop() }
    let namespace = Int64(try fixture.facts["network_namespace"].int)
    let rows = try Self.rows(of: fixture.pid)
    var states: Set<String> = []
    for fact in try fixture.facts["sockets"].array where !fact["fd"].isNull {
      let role = try fact["role"].string
      let row = try #require(rows[Int64(try fact["fd"].int)], "\(role)")
      #expect(row.number("net_ns") == namespace, "\(role)")
      guard try fact["protocol_name"].string != "unix" else { continue }
      let state = try #require(row.text("socket_state"), "\(role)")
      if !fact["state_name"].isNull {
        #expect(try state == stateNames[fact["state_name"].string], "\(role)")
        states.insert(state)
      }
      let local = try Self.end(fact["local"])
      #expect(row.text("local_address") == local?.addressText, "\(role)")
      #expect(row.number("local_port") == local.map { Int64($0.port) }, "\(role)")
      guard !["listen", "close", "syn_sent"].contains(state) else { continue }
      guard let remote = try Self.end(fact["remote"]) else { continue }
      #expect(row.text("remote_address") == remote.addressText, "\(role)")
      #expect(row.number("remote_port") == Int64(remote.port), "\(role)")
    }
    #expect(states.count >= 8, "\(states)")
  }

  private static func end(_ fact: Facts) throws -> SocketEnd? {
    guard !fact.isNull else { return nil }
    return SocketEnd(address: try fact["address_hex"].bytes, port: UInt16(try fact["port"].int))
  }

  @Test func agreesWithLsof() throws {
    let fixture = try Fixture("files")
    defer { fixture.stop() }
    let rows = try Self.rows(of: fixture.pid)
    let output = try Command.run(["lsof", "-n", "-P", "-w", "-p", "\(fixture.pid)", "-F", "ftn"])
    let types = [
      "REG": "regular", "DIR": "directory", "CHR": "character", "BLK": "block", "FIFO": "fifo",
      "LINK": "symlink", "a_inode": "anon", "sock": "socket", "unix": "socket", "IPv4": "socket",
      "IPv6": "socket", "netlink": "socket",
    ]
    var (fd, type, compared): (Int64?, String, Int) = (nil, "", 0)
    for line in output.text.split(separator: "\n") {
      switch line.first {
      case "f": fd = Int64(line.dropFirst())
      case "t": type = String(line.dropFirst())
      case "n":
        guard let number = fd else { continue }
        let row = try #require(rows[number], "\(number)")
        #expect(row.text("type") == types[type], "\(number) \(type)")
        // lsof says more of others, and writes control characters its own way.
        guard ["REG", "DIR", "CHR", "BLK"].contains(type), !line.contains("\\n") else { continue }
        let suffix = row.flag("deleted") == true ? " (deleted)" : ""
        #expect(row.text("path").map { $0 + suffix } == String(line.dropFirst()))
        compared += 1
      default: continue
      }
    }
    #expect(compared >= 12)
  }

  @Test func longPath() throws {
    let fixture = try Fixture("longpath")
    defer { fixture.stop() }
    let row = try #require(try Self.rows(of: fixture.pid)[Int64(try fixture.facts["fd"].int)])
    #expect(try row.text("path") == fixture.facts["path"].string)
    #expect(row.text("path")?.utf8.count == 4000)
  }

  /// The kernel keeps the thread that is left, and its files, but shows nothing in /proc/PID/fd.
  @Test func zombieLeader() throws {
    let fixture = try Fixture("zombie-leader")
    defer { fixture.stop() }
    let survivor = try fixture.facts["survivor_tid"].int
    let rows = try Self.rows(of: fixture.pid)
    let row = try #require(rows[Int64(try fixture.facts["fd"].int)])
    #expect(try row.text("path") == fixture.facts["path"].string)
    #expect(rows.values.allSatisfy { $0.number("tid") == Int64(survivor) })
    #expect(rows.values.allSatisfy { $0.number("pid") == Int64(fixture.pid) })
    let shown = try ProcFiles.numbers(in: "/proc/\(fixture.pid)/task/\(survivor)/fd")
    #expect(rows.keys.sorted() == shown.map(Int64.init))
  }

  /// Each table is shown once, whoever shares it, and whether or not the first thread is left. Older
  /// kernels do not walk so: ARCHITECTURE.md, known limits.
  @Test(.needsFunction("bpf_iter_task_new", since: "6.7"), arguments: [false, true])
  func threadsWithTablesOfTheirOwn(isHeadless: Bool) throws {
    let fixture = try isHeadless ? Fixture("file-tables", "headless") : Fixture("file-tables")
    defer { fixture.stop() }
    let facts = fixture.facts
    let sharer = Int32(try facts["sharer_tid"].int)
    let owner = Int32(try facts["owner_tid"].int)
    let second = Int32(try facts["second_owner_tid"].int)
    let first = isHeadless ? sharer : fixture.pid
    let rows = try Kiter.rows("files", "--pid", "\(fixture.pid)", "--columns", "tid,fd,path")
    for tid in [first, owner] {
      let found = rows.filter { $0.number("tid") == Int64(tid) }.compactMap { $0.number("fd") }
      let shown = try ProcFiles.numbers(in: "/proc/\(fixture.pid)/task/\(tid)/fd")
      #expect(found == shown.map(Int64.init), "\(tid)")
    }
    #expect(Set(rows.compactMap { $0.number("tid") }) == [Int64(first), Int64(owner)])
    #expect(try rows.count { try $0.text("path") == facts["shared_path"].string } == 1)
    #expect(try rows.count { try $0.text("path") == facts["own_path"].string } == 1)
    let all = try Kiter.rows("files", "--columns", "pid,tid,fd,path").filter {
      $0.number("pid") == Int64(fixture.pid)
    }
    #expect(all.count == rows.count)
    // A thread that was asked for has its files, whoever shares them.
    for (tid, path) in [(sharer, "shared_path"), (owner, "own_path"), (second, "own_path")] {
      let rows = try Kiter.rows("files", "--tid", "\(tid)", "--columns", "tid,path")
      #expect(rows.allSatisfy { $0.number("tid") == Int64(tid) })
      #expect(try rows.count { try $0.text("path") == facts[path].string } == 1, "\(path)")
    }
  }
}

/// What only some rows are asked for.
@Suite(.kernel) struct FilesSelectionTests {
  @Test func pathIsTheFileAndNotItsName() throws {
    let fixture = try Fixture("files")
    defer { fixture.stop() }
    let directory = try fixture.facts["directory"].string
    let other = directory + "/another name"
    try FileManager.default.linkItem(atPath: directory + "/flagged", toPath: other)
    let kinds = ["append", "nonblock", "close_on_exec", "sync", "direct"]
    let expected = try fixture.facts["files"].array.filter { kinds.contains(try $0["kind"].string) }
    for path in [directory + "/flagged", other] {
      let rows = try Kiter.rows("files", "--path", path, "--columns", "pid,fd,path")
      #expect(rows.allSatisfy { $0.number("pid") == Int64(fixture.pid) })
      #expect(try rows.map { $0.number("fd") } == expected.map { Int64(try $0["fd"].int) })
    }
    #expect(try Kiter.rows("files", "--path", directory + "/x (deleted)").count == 1)
    #expect(try Kiter.run(["files", "--path", directory + "/missing"]).status == 1)
  }

  @Test func pathFindsAllUsers() throws {
    let opened = (0..<4).map { _ in open("/dev/null", O_RDONLY) }
    defer { for descriptor in opened { close(descriptor) } }
    let before = try OpenFile.all()
    let rows = try Kiter.rows("files", "--path", "/dev/null", "--columns", "pid,fd,special_device")
    let after = try OpenFile.all()
    let users = before.filter {
      after[$0.key] == $0.value && $0.value.link == Array("/dev/null".utf8)
    }
    let found = Set(rows.map { "\($0.number("pid") ?? 0) \($0.number("fd") ?? 0)" })
    #expect(users.count > 3)
    #expect(users.keys.allSatisfy { found.contains("\($0.pid) \($0.fd)") })
    #expect(rows.allSatisfy { $0.text("special_device") == "1:3" })
  }

  @Test func deletedOnly() throws {
    let fixture = try Fixture("files")
    defer { fixture.stop() }
    let rows = try Kiter.rows("files", "--deleted", "--columns", "pid,fd,path,deleted,links")
    #expect(rows.allSatisfy { $0.flag("deleted") == true })
    let kinds = ["unlinked", "temporary_file", "memfd"]
    let expected = try fixture.facts["files"].array.filter { kinds.contains(try $0["kind"].string) }
    let found = rows.filter { $0.number("pid") == Int64(fixture.pid) }
    #expect(try found.map { $0.number("fd") } == expected.map { Int64(try $0["fd"].int) })
    #expect(found.count >= 2)
  }
}

// Not in Swift's `Glibc` module: it is declared for _GNU_SOURCE.
@_silgen_name("memfd_create") private func linuxMemfd(
  _ name: UnsafePointer<CChar>, _ flags: UInt32
) -> Int32

/// Files with which a simpler rule would go wrong, held by the test itself.
@Suite(.kernel) struct FilesTrapTests {
  private static let pathOnly: Int32 = 0o10_000_000

  private static func row(of fd: Int32) throws -> Row {
    let rows = try Kiter.rows("files", "--pid", "\(getpid())", "--columns", "all")
    return try #require(rows.first { $0.number("fd") == Int64(fd) })
  }

  private static let socketColumns = [
    "socket_family", "socket_type", "socket_protocol", "socket_state", "local_address",
    "local_port", "remote_address", "remote_port", "net_ns",
  ]

  @Test func unboundSocketHasNoAddress() throws {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(fd) }
    let row = try Self.row(of: fd)
    #expect(row.text("socket_state") == "close" && row.text("socket_protocol") == "tcp")
    for column in Self.socketColumns[4..<8] { #expect(row.isNull(column), "\(column)") }
  }

  /// It keeps its protocol, here that of TCP, where others have their port.
  @Test func rawSocketHasNoPort() throws {
    let fd = socket(AF_INET, Int32(SOCK_RAW.rawValue), Int32(IPPROTO_TCP))
    defer { close(fd) }
    let row = try Self.row(of: fd)
    #expect(row.text("socket_type") == "raw" && row.text("socket_protocol") == "tcp")
    #expect(row.text("local_address") == "0.0.0.0")
    #expect(row.isNull("local_port") && row.isNull("remote_port") && row.isNull("remote_address"))
  }

  /// 6 is TCP only among the protocols of IP.
  @Test func netlinkProtocolIsNotOfIP() throws {
    let (transform, raw) = (Int32(6), Int32(SOCK_RAW.rawValue))
    let fd = socket(AF_NETLINK, raw, transform)
    defer { close(fd) }
    let row = try Self.row(of: fd)
    #expect(row.text("socket_family") == "netlink" && row.text("socket_type") == "raw")
    #expect(row.isNull("socket_protocol") && row.isNull("socket_state"))
    #expect(try row.number("net_ns") == Int64(ProcTask(getpid()).namespace("net")))
  }

  /// A file opened with O_PATH has no private data: neither one that leads to a socket, nor one
  /// that only has the type of one.
  @Test func pathDescriptorsOfSockets() throws {
    let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    let copy = open("/proc/self/fd/\(listener)", Self.pathOnly)
    defer { close(copy) }
    let row = try Self.row(of: copy)
    #expect(row.text("type") == "socket" && row.text("socket_family") == "unix")
    #expect(row.list("flags") == ["rdonly", "path"] && row.isNull("position"))

    let fixture = try Fixture("files")
    defer { fixture.stop() }
    let name = open(try fixture.facts["directory"].string + "/socket", Self.pathOnly)
    defer { close(name) }
    let named = try Self.row(of: name)
    #expect(named.text("type") == "socket" && named.flag("deleted") == false)
    for column in Self.socketColumns { #expect(named.isNull(column), "\(column)") }
  }

  @Test func namesThatEndAsDeletedOnes() throws {
    let fixture = try Fixture("files")
    defer { fixture.stop() }
    let path = try fixture.facts["directory"].string + "/gone (deleted)"
    let gone = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    defer { close(gone) }
    #expect(try Self.row(of: gone).flag("deleted") == false)
    #expect(try Self.row(of: gone).text("path") == path)
    unlink(path)
    #expect(try Self.row(of: gone).flag("deleted") == true)
    #expect(try Self.row(of: gone).text("path") == path)
    let memory = linuxMemfd("a/b (deleted)", 1)
    defer { close(memory) }
    #expect(try Self.row(of: memory).text("path") == "/memfd:a/b (deleted)")
    #expect(try Self.row(of: memory).flag("deleted") == true)
  }

  @Test func flagsThatLastAndThoseThatDoNot() throws {
    let fixture = try Fixture("files")
    defer { fixture.stop() }
    let path = try fixture.facts["directory"].string + "/flags"
    let flags = O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY | O_WRONLY | O_DSYNC | O_CLOEXEC
    let fd = open(path, flags, 0o600)
    defer { close(fd) }
    #expect(try Self.row(of: fd).list("flags") == ["wronly", "dsync", "largefile", "cloexec"])
    #expect(fcntl(fd, F_SETFD, 0) == 0)
    #expect(try Self.row(of: fd).list("flags") == ["wronly", "dsync", "largefile"])
  }

  /// The highest descriptors are in other words of the table's bitmap.
  @Test func closeOnExecOfHighDescriptors() throws {
    for fd in [Int32(127), 128, 129] {
      let low = open("/dev/null", O_RDONLY | O_CLOEXEC)
      let high = fcntl(low, fd == 128 ? F_DUPFD_CLOEXEC : F_DUPFD, fd)
      close(low)
      defer { close(high) }
      let flags = try #require(try Self.row(of: high).list("flags"))
      #expect(flags.contains("cloexec") == (fd == 128), "\(high)")
    }
  }

  /// A path of more than PATH_MAX bytes cannot be read; the file is shown all the same.
  @Test func pathThatIsTooLong() throws {
    let fixture = try Fixture("longpath")
    defer { fixture.stop() }
    let name = String(repeating: "g", count: 200)
    var (fd, parents): (Int32, [Int32]) = (-1, [])
    fd = open(try fixture.facts["cwd"].string, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    for _ in 0..<2 {
      parents.append(fd)
      #expect(mkdirat(fd, name, 0o700) == 0)
      fd = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    defer {
      close(fd)
      for parent in parents.reversed() {
        unlinkat(parent, name, AT_REMOVEDIR)
        close(parent)
      }
    }
    let row = try Self.row(of: fd)
    #expect(row.isNull("path") && row.list("_unreadable") == ["path"])
    #expect(row.text("type") == "directory")
    let output = try Kiter.run(["files", "--pid", "\(getpid())", "--columns", "fd,path"])
    #expect(output.status == 0)
    #expect(output.stderr.contains("not readable"))
  }
}
