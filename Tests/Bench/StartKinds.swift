import Glibc
import IteratorCatalog
import RecordSchema

/// How long a table takes from a command's start to its end, by how the program came to run.
struct StartRow {
  let table: String
  /// The machine has no cache: the first run after boot, which also writes the cache.
  let first: Sample
  /// `--no-cache`: through libbpf each time.
  let cold: Sample
  let cached: Sample
  /// From a pin; nil if this kiter has none.
  let pinned: Sample?

  /// What the first run takes more than the others, in milliseconds.
  var excess: Double { max(first.milliseconds, cold.milliseconds) - cached.milliseconds }
  /// What the project requires of `excess`.
  static let limit = 80.0
}

/// The private `/run/kiter` of this run: the machine's cache and pins are neither used nor changed.
enum PrivateRun {
  private static let directory = "/run/kiter"
  private static let cache = "/run/kiter/cache"
  /// A place for a file of this run, which goes with it.
  static let scratch = "/run/kiter/bench"

  /// Gives this process, and what it starts, a mount namespace with an empty `/run/kiter`.
  static func enter() throws {
    try check("unshare", linuxUnshare(Linux.cloneNewMount))
    try check("mount", mount("none", "/", nil, Linux.mountRecursivePrivate, nil))
    mkdir(directory, 0o755)
    try check("mount \(directory)", mount("tmpfs", directory, "tmpfs", 0, "mode=755"))
  }

  /// Removes all entries of the cache.
  static func emptyCache() {
    guard let entries = opendir(cache) else { return }
    defer { closedir(entries) }
    while let entry = readdir(entries) {
      // SAFETY: d_name ends with a NUL, and is copied before the next readdir.
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      // It fails for the directory itself and its parent, as it should.
      unlink("\(cache)/\(name)")
    }
  }
}

/// Measures all tables with their default columns, on the machine as it is.
///
/// - Throws: if a run fails.
func measureStarts(on bench: Workbench) throws -> [StartRow] {
  let canPin = bench.kiter(["help", "pins"]).output()?.contains("pins") ?? false
  if !canPin { bench.note("starts: this kiter has no pins, so they are left out") }
  return try Catalog.tables.map { table in
    let name = table.schema.name.replacing("_", with: "-")
    let isPinned = canPin && bench.kiter(["pin", name]).output() != nil
    if canPin && !isPinned { bench.note("starts: `kiter pin \(name)` failed") }
    let cached = bench.kiter([name])
    let cold = bench.kiter([name, "--no-cache"])
    let pinned = bench.kiter([name, "--pinned"])
    var (firsts, colds, cacheds, pins) = (Sample(), Sample(), Sample(), Sample())
    for _ in 0..<bench.rounds {
      PrivateRun.emptyCache()
      firsts.add(try cached.time())
      colds.add(try cold.time())
      cacheds.add(try cached.time())
      if isPinned { pins.add(try pinned.time()) }
    }
    return StartRow(
      table: name, first: firsts, cold: colds, cached: cacheds, pinned: isPinned ? pins : nil)
  }
}
