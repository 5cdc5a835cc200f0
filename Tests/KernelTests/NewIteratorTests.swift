import Foundation
import Testing

/// A new table is two files: added to a copy of the package, it is a working command.
@Suite(.kernel) struct NewIteratorTests {
  @Test func twoFilesMakeATable() throws {
    let copy = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())")
    defer { try? FileManager.default.removeItem(at: copy) }
    try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
    for name in [
      "Package.swift", "Makefile", "Sources", "Tests", "Examples", "bpf", "schemas", "scripts",
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
