import Foundation
import IteratorCatalog
import RecordSchema
import Testing

/// Man pages and completions, as `make install` installs them.
@Suite(.kernel, .serialized) struct InstalledFilesTests {
  private static let share = Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())")
    let output = try Command.run([
      "make", "--silent", "-C", packageRoot().path, "--old-file=build", "install",
      "BINARY=\(Kiter.executable())", "DESTDIR=\(folder.path)", "PREFIX=/usr",
    ])
    #expect(output.status == 0, "\(output.stderr)")
    return folder.appending(path: "usr/share")
  }

  private func file(_ path: String) throws -> String {
    try Self.share.get().appending(path: path).path
  }

  @Test func eachCommandHasAPage() throws {
    let help = try Kiter.run(["--help"]).text.split(separator: "\n")
    let commands = help.drop { !$0.hasSuffix("SUBCOMMANDS:") }.compactMap { line in
      line.wholeMatch(of: /\s\s([a-z]+) .*/).map { String($0.1) }
    }
    #expect(commands.contains("tasks") && commands.contains("doctor"))
    for page in ["kiter"] + commands.map({ "kiter-" + $0 }) {
      let path = try file("man/man1/\(page).1")
      let output = try Command.run(["groff", "-mandoc", "-ww", "-Tutf8", path])
      #expect(output.status == 0 && output.stderr.isEmpty, "\(page): \(output.stderr)")
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text.contains("77 not permitted."), "\(page)")
    }
  }

  @Test(arguments: Catalog.tables.map { $0.schema.name })
  func aPageListsTheColumns(table: String) throws {
    let page = try String(
      contentsOfFile: file("man/man1/kiter-\(ContractTests.command(table)).1"), encoding: .utf8)
    let lines = Set(page.split(separator: "\n"))
    let schema = try #require(Catalog.tables.first { $0.schema.name == table }).schema
    for column in schema.columns {
      let item = ".It Li \(column.name)" + (column.isDefault ? " (shown by default)" : "")
      #expect(lines.contains(item[...]), "\(item)")
    }
  }

  /// Examples/limits finds the headers beside the kiter that is on the path.
  @Test func anExampleBuildsFromWhatIsInstalled() throws {
    let pair = try OutsidePair()
    let usr = try Self.share.get().deletingLastPathComponent()
    try FileManager.default.removeItem(atPath: pair.object)
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let output = try Command.run([
      "env", "PATH=\(usr.path)/bin:\(path)", "make", "-C", pair.folder.path, "run",
    ])
    #expect(output.status == 0, "\(output.stderr)")
    #expect(output.text.contains("-I\(usr.path)/bin/../share/kiter/bpf"))
    #expect(output.text.contains("FILES_SOFT"))
  }

  /// What a shell offers, with the program under test as `kiter`.
  private func offers(_ shell: String, _ script: String) throws -> Set<String> {
    let folder = try Self.share.get().deletingLastPathComponent().appending(path: "bin")
    let output = try Command.run([
      "env", "PATH=\(folder.path):/usr/bin:/bin", "HOME=\(folder.path)", shell, "-c", script,
    ])
    #expect(output.status == 0, "\(output.stderr)")
    return Set(output.text.split { $0 == "\n" || $0 == " " }.map(String.init))
  }

  private static let lists: Set = ["pid,pgid", "pid,ppid", "pid,pid_ns"]

  @Test func bashCompletesColumns() throws {
    let path = try file("bash-completion/completions/kiter")
    let offered = try offers(
      "bash",
      """
      source \(path)
      COMP_LINE='kiter tasks --columns pid,p' COMP_WORDS=(kiter tasks --columns pid,p)
      COMP_CWORD=3 COMP_POINT=${#COMP_LINE} COMP_TYPE=9
      _kiter kiter pid,p --columns 2>&1; echo "${COMPREPLY[@]}"
      """)
    #expect(offered.isSuperset(of: Self.lists), "\(offered)")
    #expect(offered.allSatisfy { $0.hasPrefix("pid,p") }, "\(offered)")
  }

  /// What an interactive shell shows behind a tab: these two complete in a terminal only, and zsh has
  /// one for them.
  private func shown(in shell: String, after setup: [String]) throws -> Set<String> {
    try offers(
      "zsh",
      """
      zmodload zsh/zpty && zpty shell 'stty rows 50 cols 120; TERM=xterm \(shell)'
      \(setup.map { "sleep 1; zpty -w shell '\($0)'" }.joined(separator: "\n"))
      sleep 1; zpty -w -n shell $'kiter tasks --columns pid,p\\t\\t'
      sleep 3; zpty -r -t shell all; while zpty -r -t shell more; do all+=$more; done
      print -r -- "$all" | sed 's/\\x1b\\[[0-9;?]*[a-zA-Z]/ /g' | tr -d '\\r'
      """)
  }

  @Test func fishCompletesColumns() throws {
    let path = try file("fish/vendor_completions.d/kiter.fish")
    let offered = try shown(in: "fish --no-config -i", after: ["source \(path)"])
    #expect(offered.isSuperset(of: Self.lists), "\(offered)")
  }

  @Test func zshCompletesColumns() throws {
    let folder = try file("zsh/site-functions")
    let offered = try shown(
      in: "zsh -f -i",
      after: ["fpath=(\(folder) $fpath); LISTMAX=1000; autoload -U compinit; compinit -D -u"])
    #expect(offered.isSuperset(of: Self.lists), "\(offered)")
  }
}
