import Foundation
import Testing

/// A new table is two files: added to a copy of the package, it is a working command.
@Suite(.kernel(.apart)) struct NewIteratorTests {
  @Test func twoFilesMakeATable() throws {
    let copy = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())")
    defer { try? FileManager.default.removeItem(at: copy) }
    try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
    for name in [
      "Package.swift", "Makefile", "Sources", "Tests", "Examples", "bpf", "schemas", "scripts",
      "VERSION",
    ] {
      try FileManager.default.copyItem(
        at: packageRoot().appending(path: name), to: copy.appending(path: name))
    }
    let before = try Self.files(copy)
    let script = try Command.run(
      ["make", "-C", copy.path, "new-iterator", "NAME=programs", "ITER=bpf_prog"])
    #expect(script.status == 0, "\(script.stderr)")
    let added = try Self.files(copy).subtracting(before)
    #expect(added == ["schemas/programs.json", "bpf/programs.bpf.c"])

    try Self.addGiants(to: copy)
    let build = try Command.run(
      ["swift", "build", "--package-path", copy.path, "--product", "kiter"],
      timeout: .seconds(900))
    #expect(build.status == 0, "\(build.text)\(build.stderr)")
    let kiter = copy.appending(path: ".build/debug/kiter").path
    let rows = try Command.run([kiter, "programs", "--output", "csv", "--no-header"])
    #expect(rows.status == 0, "\(rows.stderr)")
    // At least kiter's own program is there while it runs.
    #expect(rows.text.hasPrefix("0\n"))
    let help = try Command.run([kiter, "programs", "--help"])
    #expect(help.text.contains("* number"))
    let giants = try Command.run([kiter, "giants"], timeout: .seconds(30))
    #expect(giants.status == 3, "\(giants.stderr)")
    #expect(giants.stderr.contains("record is larger than the kernel's buffer"))
  }

  /// A table whose records the kernel cannot take: its program writes more than 32 KiB an object.
  private static func addGiants(to copy: URL) throws {
    for name in ["schemas/programs.json", "bpf/programs.bpf.c"] {
      let text = try String(contentsOf: copy.appending(path: name), encoding: .utf8)
        .replacingOccurrences(of: "programs", with: "giants")
        .replacingOccurrences(of: "\"giants\": [", with: "\"programs\": [")
        .replacingOccurrences(
          of: "return kiter_emit(&w);",
          with: "END(&w) = KITER_RECORD_MAX; kiter_emit(&w); "
            + "return bpf_seq_write(meta->seq, w.slot->bytes, 4096) * 0;")
      let other = name.replacingOccurrences(of: "programs", with: "giants")
      try Data(text.utf8).write(to: copy.appending(path: other))
    }
  }

  @Test func badNamesAreRefused() throws {
    for arguments in [
      ["NAME=Things", "ITER=task"], ["NAME=tasks", "ITER=task"], ["NAME=x", "ITER=no"],
    ] {
      let output = try Command.run(
        ["make", "-C", packageRoot().path, "new-iterator"] + arguments)
      #expect(output.status != 0)
      #expect(output.stderr.contains("new-iterator: "))
    }
  }

  private static func files(_ folder: URL) throws -> Set<String> {
    Set(
      try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        .filter { !$0.hasPrefix(".build") && $0.contains(".") })
  }
}
