import Foundation
import PackagePlugin

/// Lists the build commands: one for each table, and one for the registry over them.
@main
struct KiterBuildPlugin: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let root = context.package.directoryURL
    let schemas = try files(in: root.appending(path: "schemas"), suffix: ".json")
    let shared = try files(in: root.appending(path: "schemas/shared"), suffix: ".json")
    let headers = try files(in: root.appending(path: "bpf"), suffix: ".h")
    let generator = try context.tool(named: "kiter-gen").url
    let output = context.pluginWorkDirectoryURL
    let tools = [
      "--clang", try context.tool(named: "clang").url.path,
      "--objcopy", try context.tool(named: "llvm-objcopy").url.path,
    ]
    let names = schemas.map { $0.deletingPathExtension().lastPathComponent }
    let tables = zip(names, schemas).map { name, schema in
      let program = root.appending(path: "bpf/\(name).bpf.c")
      let swift = output.appending(path: "\(name).gen.swift")
      return Command.buildCommand(
        displayName: "Generating table \(name)", executable: generator,
        arguments: ["table", root.path, name, swift.path] + tools,
        inputFiles: [schema, program] + shared + headers, outputFiles: [swift])
    }
    let registry = output.appending(path: "registry.gen.swift")
    return tables + [
      .buildCommand(
        displayName: "Generating the registry of tables", executable: generator,
        arguments: ["registry", registry.path] + names, inputFiles: schemas,
        outputFiles: [registry])
    ]
  }

  private func files(in folder: URL, suffix: String) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.lastPathComponent.hasSuffix(suffix) }
      .sorted { $0.path < $1.path }
  }
}
