import Foundation

/// What this is a version of: the file `VERSION`, and the commit.
struct Version: Equatable {
  /// As Semantic Versioning has it.
  var number: String
  /// All digits of the commit that is checked out; nil if nothing says so.
  var commit: String?

  /// Reads a file: a line with the number, and one that `git archive` makes the commit.
  init(file: URL) throws {
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    guard lines.count == 2 else {
      throw GeneratorError("\(file.path): error: a version and a commit are two lines")
    }
    number = String(lines[0])
    commit = lines[1].hasPrefix("$Format") ? Self.checkedOut(file) : String(lines[1])
  }

  /// Asks git, unless the folder lies in a work tree of something else.
  private static func checkedOut(_ file: URL) -> String? {
    let folder = file.deletingLastPathComponent()
    guard FileManager.default.fileExists(atPath: folder.appending(path: ".git").path) else {
      return nil
    }
    let (process, pipe) = (Process(), Pipe())
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["git", "-C", folder.path, "rev-parse", "HEAD"]
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return nil }
    return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .newlines)
  }
}

/// The Swift that says which version this is.
func versionSource(_ version: Version) -> String {
  """
  /// Which version this is: generated from the file VERSION.
  enum GeneratedVersion {
    static let number = \(literal(version.number))
    /// The commit that it was built from; nil if that is not known.
    static let commit: String? = \(literal(version.commit))
  }

  """
}
