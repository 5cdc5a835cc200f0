import Foundation
import PackagePlugin

/// Lists the build command that says which version this is, and of which commit.
@main
struct VersionPlugin: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let root = context.package.directoryURL
    let version = root.appending(path: "VERSION")
    let output = context.pluginWorkDirectoryURL.appending(path: "version.gen.swift")
    return [
      .buildCommand(
        displayName: "Generating the version", executable: try context.tool(named: "kiter-gen").url,
        arguments: ["version", version.path, output.path],
        inputFiles: [version] + gitFiles(below: root), outputFiles: [output])
    ]
  }

  /// What git writes when another commit is checked out; of an archive, nothing.
  private func gitFiles(below root: URL) -> [URL] {
    var folder = root.appending(path: ".git")
    // Of a further work tree, this is a file that says where the folder is.
    if let link = try? String(contentsOf: folder, encoding: .utf8), link.hasPrefix("gitdir: ") {
      folder = URL(
        filePath: link.dropFirst("gitdir: ".count).trimmingCharacters(in: .newlines),
        relativeTo: root)
    }
    return ["HEAD", "logs/HEAD"].map { folder.appending(path: $0) }
      .filter { FileManager.default.fileExists(atPath: $0.path) }
  }
}
