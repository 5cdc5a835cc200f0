import Foundation
import Testing

/// The systemd unit that `make install` installs.
@Suite(.kernel) struct PinServiceTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())")

  /// Installs below the folder and gives the unit's lines.
  private func install(destination: String = "", prefix: String) throws -> [String] {
    // The release binary takes minutes to build; the one under test stands for it.
    let output = try Command.run([
      "make", "--silent", "-C", packageRoot().path, "--old-file=build", "install",
      "BINARY=\(Kiter.executable())", "DESTDIR=\(destination)", "PREFIX=\(prefix)",
    ])
    #expect(output.status == 0, "\(output.stderr)")
    let unit = "\(destination)\(prefix)/lib/systemd/system/kiter-pin.service"
    return try String(contentsOf: URL(filePath: unit), encoding: .utf8).split(separator: "\n").map(
      String.init)
  }

  private func values(_ key: String, _ unit: [String]) -> [String] {
    unit.filter { $0.hasPrefix(key + "=") }.map { String($0.dropFirst(key.count + 1)) }
  }

  @Test func nothingIsEnabled() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let unit = try install(destination: folder.path, prefix: "/opt/k")
    #expect(values("ExecStart", unit).allSatisfy { $0.contains("/opt/k/bin/kiter ") })
    let files = try #require(FileManager.default.enumerator(atPath: folder.path))
    let links = files.compactMap { $0 as? String }.filter { $0.contains(".wants") }
    #expect(links.isEmpty)
  }

  /// Its commands work with the capabilities that it keeps, and stopping removes what they made.
  @Test func itsCommandsWorkWithItsCapabilities() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let unit = try install(prefix: "\(folder.path)/k")
    let kept = values("CapabilityBoundingSet", unit).flatMap { $0.split(separator: " ") }
      .map { "+" + $0.dropFirst(4).lowercased() }
    let confined = "setpriv --no-new-privs --bounding-set=-all,\(kept.joined(separator: ","))"
    // A command that begins with "-" may fail.
    let start = values("ExecStart", unit).map { command in
      command.hasPrefix("-")
        ? "{ \(confined) \(command.dropFirst()) >/dev/null || true; }" : "\(confined) \(command)"
    }.joined(separator: " && ")
    let stop = try #require(values("ExecStop", unit).first)
    let script = """
      mount -t tmpfs none /run && chmod 755 \(folder.path)
      { cat /etc/group; echo kiter:x:65532:; } >\(folder.path)/group
      mount --bind \(folder.path)/group /etc/group
      \(start) || exit
      ls /run/kiter/cache | sed 's/-.*/ is cached/'
      setpriv --reuid=65534 --regid=65534 --groups=65532 \(folder.path)/k/bin/kiter tasks -c pid -o csv
      \(confined) \(stop) && ls /run/kiter/pins
      """
    let output = try Command.run(["unshare", "--mount", "sh", "-c", script])
    #expect(output.status == 0, "\(output.stderr)")
    #expect(output.text.contains("/run/kiter/pins/sockets-udp: 0440 root:kiter, "))
    let lines = output.text.split(separator: "\n")
    #expect(lines.count { UInt32($0) != nil } > 1)
    for table in ContractTests.tables { #expect(lines.contains("\(table) is cached")) }
    #expect(lines.allSatisfy { !["tasks", "files", "sockets-tcp"].contains($0) })
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/systemd-analyze")))
  func systemdFindsNoFault() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    _ = try install(prefix: "\(folder.path)/k")
    let unit = "\(folder.path)/k/lib/systemd/system/kiter-pin.service"
    let output = try Command.run(["systemd-analyze", "verify", unit])
    #expect(output.status == 0)
    #expect(output.stderr.isEmpty, "\(output.stderr)")
  }
}
