import Foundation
import IteratorCatalog
import RecordSchema
import Testing

/// What pins do not show, who may not read them, and which are not trusted.
@Suite(.kernel) struct PinRefusalTests {
  /// Each makes the pin of `tasks` in $1 something that is not to be trusted or read.
  @Test(arguments: [
    ("chown 65533 tasks", "not trusted: its owner is user 65533"),
    ("chmod 0666 tasks", "not trusted: others than root may write"),
    ("chown 65533 .", "not trusted: its owner is user 65533"),
    ("chmod 0775 .", "not trusted: others than root may write"),
    ("mv tasks x && ln -s x tasks", "not trusted: it is a symbolic link"),
    (
      "rm tasks && bpftool map create $PWD/tasks type array key 4 value 4 entries 1 name none",
      "is no iterator"
    ),
    ("mv files tasks", "records of \"files\" with another layout"),
    (
      "cat tasks >../stream; cd ..; umount pins; cp stream pins/tasks; chmod 444 pins/tasks",
      "not trusted: it is not on a BPF file system"
    ),
  ])
  func aPinIsNotTrusted(change: String, message: String) throws {
    let host = try PinnedHost()
    try host.pin("tasks", "files", "--mode", "0444")
    #expect(try host.read(["tasks"]).status == 0)
    let script = try Command.run(["sh", "-ec", "cd \(host.pins); \(change)"])
    #expect(script.status == 0, "\(script.stderr)")
    // Root reads what may be read by root alone.
    let output = try Command.run([host.kiter, "tasks", "--pins", host.pins])
    #expect([1, 77].contains(output.status))
    #expect(output.stderr.contains(message), "\(output.stderr)")
    #expect(output.stdout.isEmpty)
    #expect(try host.read(["tasks"]).stdout.isEmpty)
  }

  @Test func aColumnThatThePinLacksIsNamed() throws {
    let host = try PinnedHost()
    try host.pin("tasks", "--columns", "+cwd")
    let output = try host.read(["tasks", "--columns", "pid,exe"])
    #expect(output.status == 77)
    #expect(output.stdout.isEmpty)
    let advice = "kiter pin tasks --columns +exe,+cwd --mode 0440 --group 65532 --path \(host.pins)"
    #expect(output.stderr.contains("no column exe; pin it so: sudo \(advice)"), "\(output.stderr)")
    let command = advice.split(separator: " ").dropFirst().map(String.init)
    #expect(try Command.run([host.kiter] + command).status == 0)
    #expect(try host.read(["tasks", "--columns", "pid,exe"]).status == 0)
    #expect(try host.read(["tasks", "--columns", "zzz"]).status == 64)
  }

  @Test func columnsThatAreNotNamedAreThoseOfThePin() throws {
    let host = try PinnedHost()
    func header(_ arguments: String...) throws -> String {
      let output = try host.read(arguments + ["--limit", "1", "-o", "csv"])
      return String(output.text.prefix { $0 != "\n" && $0 != "\r" })
    }
    try host.pin("tasks", "--columns", "+exe")
    #expect(
      try header("tasks") == "pid,ppid,user,state,threads,rss_bytes,cpu_percent,comm,cmdline")
    #expect(try header("tasks", "-c", "all").contains(",exe"))
    try host.pin("tasks", "--columns", "pid,exe")
    #expect(try header("tasks") == "pid,exe")
    #expect(try header("tasks", "-c", "-pid") == "exe")
    #expect(try header("tasks", "-c", "all") == "pid,exe")
  }

  @Test(arguments: [
    (["tasks", "--threads"], "--threads"), (["tasks", "--tid", "1"], "--tid"),
    (["files", "--path", "/"], "--path"),
  ])
  func whatTheProgramWouldHaveToKnowIsRefused(arguments: [String], option: String) throws {
    let host = try PinnedHost()
    try host.pin(arguments[0])
    let output = try host.read(arguments)
    #expect(output.status == 77)
    #expect(output.stderr.contains("a pin cannot take \(option)"), "\(output.stderr)")
    #expect(output.stdout.isEmpty)
  }

  @Test(arguments: [[], ["--columns", "all"]] as [[String]])
  func addressesAreLeftOut(columns: [String]) throws {
    let host = try PinnedHost()
    // A pin of elements would be of one map; one of buffers would end early without a word.
    let tables = Catalog.tables.map { $0.schema }.filter { !$0.scopes.contains(.map) }
      .map { $0.name }.filter { $0 != "dmabufs" }
    let made = try host.run(["pin"] + tables + columns)
    #expect(made.stderr.isEmpty)
    let pins = try host.list()
    let pinned = Set(pins.map { $0.table })
    #expect(pinned == Set(tables))
    // Addresses by what people call them, not by what kiter thinks of them.
    let telling: Set = ["address", "start", "end"]
    for pin in pins {
      let shown = try #require(pin.columns)
      #expect(telling.isDisjoint(with: shown), "\(pin.path)")
      #expect(!shown.isEmpty, "\(pin.path)")
      #expect(pin.problem == nil, "\(pin.path)")
    }
  }

  @Test func addressesAreShownIfTheyAreNamed() throws {
    let host = try PinnedHost()
    let named = try host.run(["pin", "ksyms", "--columns", "+address"])
    #expect(named.status == 0)
    #expect(named.stderr.contains("shows addresses in memory (address)"))
    // The function that a task waits in is a name.
    let wchan = try host.run(["pin", "tasks", "--columns", "pid,wchan"])
    #expect(wchan.status == 0 && wchan.stderr.isEmpty, "\(wchan.stderr)")
  }

  /// The kernel decides by who opens the pin, not by who made it.
  @Test func symbolAddressesAreForWhomProcShowsThem() throws {
    let host = try PinnedHost()
    try host.pin("ksyms", "--columns", "+address")
    let symbols = PinnedHost.unprivileged(["head", "-n", "1", "/proc/kallsyms"])
    let isShown = try !Command.run(symbols).text.hasPrefix("0000000000000000 ")
    let rows = try host.rows("ksyms", "--limit", "50")
    #expect(rows.count == 50)
    #expect(rows.allSatisfy { ($0.hex("address") != nil) == isShown })
  }

  @Test func onlyTheGroupMayRead() throws {
    let host = try PinnedHost()
    try host.pin("tasks")
    let stranger = try host.read(["tasks"], group: "65531")
    #expect(stranger.status == 77)
    #expect(stranger.stderr.contains("mode 0440, user 0, group 65532"), "\(stranger.stderr)")
    #expect(try host.run(["pin", "tasks"]).status == 0)
    #expect(try host.read(["tasks"]).status == 77)
    try host.pin("tasks", "--mode", "0444")
    #expect(try host.read(["tasks"], group: "65531").status == 0)
  }

  @Test(arguments: [
    (["tasks", "--group", "no-such-group"], "no group \"no-such-group\""),
    (["tasks", "--mode", "0660"], "0660"), (["tasks", "--mode", "abc"], "abc"),
    (["tasks", "--mode", "0"], "--mode"), (["tasks", "tusks"], "no table \"tusks\""),
    (["tasks", "files", "--columns", "ppid"], "files has no column \"ppid\""),
    (["tasks", "--columns", ""], "leaves no column"),
  ])
  func aWrongArgumentMakesNothing(arguments: [String], message: String) throws {
    let host = try PinnedHost()
    let output = try host.run(["pin"] + arguments)
    #expect(output.status == 64)
    #expect(output.stderr.contains(message), "\(output.stderr)")
    #expect(output.stderr.split(separator: "\n").count == 1)
    #expect(!FileManager.default.fileExists(atPath: host.pins))
  }

  @Test func aFailureHalfwayMakesNothing() throws {
    let host = try PinnedHost()
    try host.pin("tasks", "--columns", "pid")
    #expect(mkdir(host.path("files~"), 0o755) == 0)
    let output = try host.run(["pin", "tasks", "files"])
    #expect(output.status == 1)
    #expect(output.stderr.contains("pinning failed"), "\(output.stderr)")
    #expect(host.files == ["files~", "tasks"])
    #expect(try host.read(["tasks", "--limit", "1", "-o", "csv"]).text.hasPrefix("pid\n"))
  }

  @Test func aFolderThatHoldsOtherThingsIsLeftAlone() throws {
    let host = try PinnedHost()
    try FileManager.default.createDirectory(
      atPath: host.pins, withIntermediateDirectories: true)
    try Data().write(to: URL(filePath: host.path("precious")))
    let output = try host.run(["pin", "tasks"])
    #expect(output.status == 1)
    #expect(output.stderr.contains("not empty; name another --path"), "\(output.stderr)")
    #expect(host.files == ["precious"])
  }

  @Test func unpinRemovesWhatItIsTold() throws {
    let host = try PinnedHost()
    #expect(try host.run(["unpin", "--all"]).status == 0)
    try host.pin("tasks", "sockets", "files")
    let missing = try host.run(["unpin", "tasks", "vmas"])
    #expect(missing.status == 1)
    #expect(missing.stderr.contains("vmas: there is no pin"), "\(missing.stderr)")
    #expect(host.files.count == 6)
    #expect(try host.run(["unpin", "sockets"]).status == 0)
    #expect(host.files == ["files", "tasks"])
    let gone = try host.read(["sockets"])
    #expect(gone.status == 1)
    #expect(gone.stderr.contains("there is no pin \(host.path("sockets-tcp")); make it"))
    // A pin of a table that this kiter does not have is one all the same; a map is none.
    #expect(rename(host.path("files"), host.path("things")) == 0)
    let map = "type array key 4 value 4 entries 1 name none"
    let made = try Command.run(
      ["bpftool", "map", "create", host.path("map")] + map.split(separator: " ").map(String.init))
    #expect(made.status == 0, "\(made.stderr)")
    #expect(try host.run(["pins"]).text.contains("no table of this kiter"))
    #expect(try host.run(["unpin", "--all"]).status == 0)
    #expect(host.files == ["map"])
  }
}
