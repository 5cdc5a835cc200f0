import Foundation
import RecordSchema

/// Compiles a BPF program with the Swift toolchain's clang.
struct BPFCompiler {
  let clang: String
  let objcopy: String

  /// Writes header and object beside `output` and returns the object's bytes.
  func compile(_ table: Table, header: String, near output: URL) throws -> Data {
    let name = table.schema.name
    let folder = output.deletingLastPathComponent().appending(path: "\(name).build")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(header.utf8).write(to: folder.appending(path: "\(name).gen.h"))
    let object = folder.appending(path: "\(name).bpf.o").path
    try run(
      clang,
      [
        "-target", "bpf", "-mcpu=v3", "-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror",
        "-Wno-unused-function", "-Wno-missing-declarations", "-Wno-address",
        "-fno-stack-protector",
        // BTF names the files of its lines: the same bytes, wherever they are built.
        "-ffile-prefix-map=\(table.includes.path)=bpf", "-ffile-prefix-map=\(folder.path)=bpf",
        "-fdebug-compilation-dir=.",
        "-I", folder.path, "-I", table.includes.path,
        "-idirafter", "/usr/include/\(Self.architecture)-linux-gnu",
        "-c", table.program.path, "-o", object,
      ])
    // Debug information goes, BTF stays: a tenth of the size.
    try run(objcopy, ["--strip-debug", object])
    return try Data(contentsOf: URL(filePath: object))
  }

  private static var architecture: String {
    #if arch(arm64)
      "aarch64"
    #else
      "x86_64"
    #endif
  }

  private func run(_ tool: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: tool)
    process.arguments = arguments
    try process.run()
    process.waitUntilExit()
    if process.terminationStatus != 0 {
      throw GeneratorError("\(tool) failed with status \(process.terminationStatus)")
    }
  }
}
