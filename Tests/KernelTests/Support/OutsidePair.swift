import Foundation

/// A copy of Examples/limits, compiled as its users do: a table that this program does not know.
final class OutsidePair {
  let folder: URL
  var object: String { folder.appending(path: "limits.bpf.o").path }
  var schema: String { folder.appending(path: "limits.json").path }

  /// Copies the example, changes its program, and compiles it with the header of its schema.
  init(changing change: (String) -> String = { $0 }) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "kiter-run-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for name in ["limits.json", "limits.bpf.c", "Makefile"] {
      try FileManager.default.copyItem(
        at: packageRoot().appending(path: "Examples/limits/\(name)"),
        to: folder.appending(path: name))
    }
    try rewrite("limits.bpf.c", change)
    let make = try Command.run([
      "make", "-C", folder.path, "KITER=\(try Kiter.executable())",
      "HEADERS=\(packageRoot().appending(path: "bpf").path)",
    ])
    guard make.status == 0 else { throw Fixture.Failure(description: make.text + make.stderr) }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Changes the text of a file; the schema so gets other than the object was compiled with.
  func rewrite(_ name: String, _ change: (String) -> String) throws {
    let file = folder.appending(path: name)
    let text = change(try String(contentsOf: file, encoding: .utf8))
    try Data(text.utf8).write(to: file)
  }

  /// Runs it with these options.
  func run(_ options: String...) throws -> Command.Output {
    try Kiter.run(["run", object, "--schema", schema] + options)
  }
}
