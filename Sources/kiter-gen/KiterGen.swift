import Foundation
import RecordSchema

/// `kiter-gen table ROOT NAME OUTPUT --clang PATH --objcopy PATH` compiles one table's program and
/// writes its Swift; `kiter-gen registry OUTPUT NAME…` writes the list of all tables;
/// `kiter-gen version FILE OUTPUT` writes which version this is; `kiter-gen header ROOT NAME` prints
/// the C header, to read it.
@main
enum KiterGen {
  static func main() {
    do {
      try run(Array(CommandLine.arguments.dropFirst()))
    } catch {
      // Not thrown on: an uncaught error prints a backtrace where the cause should stand.
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(1)
    }
  }

  private static func run(_ arguments: [String]) throws {
    switch arguments.first {
    case "table" where arguments.count == 8:
      let table = try Table(root: arguments[1], name: arguments[2])
      let output = URL(filePath: arguments[3])
      let compiler = BPFCompiler(clang: arguments[5], objcopy: arguments[7])
      let object = try compiler.compile(table, header: cHeader(for: table.schema), near: output)
      try write(swiftSource(for: table, object: object), to: output)
    case "registry" where arguments.count >= 2:
      try write(registrySource(Array(arguments.dropFirst(2))), to: URL(filePath: arguments[1]))
    case "version" where arguments.count == 3:
      let version = try Version(file: URL(filePath: arguments[1]))
      try write(versionSource(version), to: URL(filePath: arguments[2]))
    case "header" where arguments.count == 3:
      let table = try Table(root: arguments[1], name: arguments[2])
      print(cHeader(for: table.schema), terminator: "")
    default:
      throw GeneratorError("usage: kiter-gen table|registry|version|header …")
    }
  }

  private static func write(_ text: String, to file: URL) throws {
    try Data(text.utf8).write(to: file)
  }
}

/// A failure whose text is the whole message.
struct GeneratorError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
