import Foundation
import RecordSchema

/// A table's two files, read and checked.
struct Table {
  let schema: Schema
  /// The schema file's own text, for `kiter schema`.
  let json: String
  let program: URL
  let includes: URL

  init(schema: Schema, json: String, program: URL, includes: URL) {
    self.schema = schema
    self.json = json
    self.program = program
    self.includes = includes
  }

  /// Reads the files of table `name` below the package's root.
  init(root: String, name: String) throws {
    let root = URL(filePath: root, directoryHint: .isDirectory)
    includes = root.appending(path: "bpf")
    program = includes.appending(path: "\(name).bpf.c")
    let file = root.appending(path: "schemas/\(name).json")
    let bytes = try Data(contentsOf: file)
    json = String(decoding: bytes, as: UTF8.self)
    do {
      let names = try Data(contentsOf: root.appending(path: "schemas/shared/names.json"))
      schema = try Schema(json: Array(bytes), shared: Schema.NameSet.shared(json: Array(names)))
    } catch {
      throw GeneratorError("\(file.path): error: \(error)")
    }
    guard schema.name == name else {
      throw GeneratorError(
        "\(file.path): error: the table is named \"\(schema.name)\", its file \"\(name)\"")
    }
  }
}
