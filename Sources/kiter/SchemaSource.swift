import Glibc
import IteratorCatalog
import KernelIterators
import RecordSchema

/// A schema file of the user's own.
struct SchemaSource {
  let schema: Schema
  /// Its own text.
  let json: [UInt8]

  /// Reads a file.
  ///
  /// - Throws: `InputError` that names the file and the place in it.
  init(_ path: String) throws(InputError) {
    json = try contents(of: path)
    do { schema = try Schema(json: json) } catch {
      throw InputError(
        description: "\(path): \(error); docs/your-own-iterator.md describes schemas")
    }
  }
}

extension OutsideTable {
  /// Reads both files and compares them.
  ///
  /// - Throws: `InputError` that names the file.
  init(object path: String, schema schemaPath: String) throws(InputError) {
    let source = try SchemaSource(schemaPath)
    let object = try contents(of: path)
    do { try self.init(object: object, schema: source.schema, json: source.json) } catch {
      throw InputError(description: "\(path) and \(schemaPath): \(error)")
    }
  }
}

/// What is wrong with a file that was named.
struct InputError: Error, CustomStringConvertible {
  let description: String
}

private func contents(of path: String) throws(InputError) -> [UInt8] {
  if let bytes = fileContents(path) { return bytes }
  throw InputError(description: "\(path): \(errorText(errno)); name a file that can be read")
}
