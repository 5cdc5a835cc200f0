import Foundation
import IteratorCatalog
import RecordSchema
import Testing

@testable import KernelIterators

/// A table from the cache is the table from libbpf, and no file in the cache can change that.
@Suite(.kernel) struct CachedTableTests {
  /// Calls `body` with a cache of its own.
  private func withCache(_ body: (ProgramCache) throws -> Void) throws {
    let parent = "/tmp/kiter-cache-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: parent) }
    try body(ProgramCache(path: parent + "/cache"))
  }

  /// The pids that a table's walk gives, in its order.
  private func pids(_ cache: ProgramCache?) throws -> [UInt32] {
    let projection = try Projection(TasksRecord.schema, columns: ["pid", "cmdline", "exe"])
    var request = TableRequest(projection)
    request.cache = cache
    let records = try Snapshot<TasksRecord>(
      KernelSource(TasksRecord.files, request), projection: projection, host: .live())
    return records.compactMap(\.pid)
  }

  /// The file with the programs as libbpf relocated them.
  private func entry(_ cache: ProgramCache) throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: cache.path)
    return cache.path + "/" + (try #require(names.first { !$0.contains(CacheKey.foldedMark) }))
  }

  @Test(arguments: Catalog.tables.map { $0.schema.name })
  func givesTheSameColumnsAsLibbpf(table: String) throws {
    let record = try #require(Catalog.tables.first { $0.schema.name == table })
    let schema = record.schema
    // Has a map, without which there is no walk over maps' elements.
    let reader = try TableReader<TasksRecord>(columns: [.pid], engine: .seq)
    defer { withExtendedLifetime(reader) {} }
    try withCache { cache in
      // One entry serves all columns; what is left of it for some of them is another.
      for columns in [schema.columns.map(\.name), [schema.columns[0].name]] {
        var preambles: [Preamble?] = []
        for cache in [nil, cache, cache] {
          let projection = try Projection(schema, columns: columns)
          var request = TableRequest(projection)
          request.cache = cache
          var stream = RecordStream(
            try KernelSource(record.files, request), schema: schema, layout: projection.layout)
          while try stream.nextRecords({ _, _ in }) {}
          preambles.append(stream.preamble)
        }
        #expect(Set(preambles.map { $0?.wanted }).count == 1)
        #expect(Set(preambles.map { $0?.lacking }).count == 1)
        // Where nothing is to be walked, nothing begins.
        let mayBeEmpty = schema.scopes.contains(.map) || table == "dmabufs"
        #expect(preambles[0] != nil || mayBeEmpty)
      }
      #expect(try cache.state().entries == 3)
    }
  }

  /// The kernel takes what is left of each program, for each column and for all.
  @Test(arguments: Catalog.tables.map { $0.schema.name })
  func programsAreFolded(table: String) throws {
    let record = try #require(Catalog.tables.first { $0.schema.name == table })
    let schema = record.schema
    try withCache { cache in
      var request = TableRequest(Projection(allOf: schema))
      request.cache = cache
      _ = try KernelSource(record.files, request)
      let name = try URL(filePath: entry(cache)).lastPathComponent
      // One form is used always.
      let programs = schema.programs.map { $0.name + ($0.direct == $0.since ? "_direct" : "") }
      let key = try #require(CacheKey(record.files.object(of: table), programs: programs))
      #expect(key.fileName == name)
      let image = try #require(cache.image(for: key))
      let map = try #require(image.maps.firstIndex { $0.name == ProgramImage.constantsName })
      for columns in [schema.columns.map(\.name)] + schema.columns.map({ [$0.name] }) {
        let constants = try ProgramConstants(pageShift: 12, processors: 1).bytes(
          for: Projection(schema, columns: columns))
        for program in image.programs {
          let folded = program.folded(.init(map: Int32(map), content: constants))
          #expect(folded.map { $0.instructions.count < program.instructions.count } == true)
        }
        let settings = LoadSettings(
          constants: constants, memory: DirectMemorySize(bytes: 0))
        let objects = try ImageLoader(image: image.folded(constants), settings: settings).load()
        for program in programs { #expect(objects[program] != nil, "\(columns)") }
      }
    }
  }

  @Test func anEntryIsUsed() throws {
    try withCache { cache in
      #expect(try pids(cache).contains(UInt32(getpid())))
      let before = try Data(contentsOf: URL(filePath: entry(cache)))
      // Another program of the same name would be noticed: here the walk itself is left out.
      let object = TasksRecord.files.object(of: "tasks")
      let key = try #require(CacheKey(object, programs: ["tasks"]))
      var image = try #require(cache.image(for: key))
      // return 0: BPF_MOV | BPF_K, BPF_EXIT
      image.programs[0].instructions = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]
      image.programs[0].functions = Array(image.programs[0].functions.prefix(8))
      cache.store(image, for: key)
      #expect(try pids(cache).isEmpty)
      #expect(try pids(nil).contains(UInt32(getpid())))
      #expect(try Data(contentsOf: URL(filePath: entry(cache))) != before)
    }
  }

  @Test func whatIsLeftForSomeColumnsIsKept() throws {
    try withCache { cache in
      _ = try pids(cache)
      #expect(try cache.state().entries == 1)
      _ = try pids(cache)
      #expect(try cache.state().entries == 2)
      let names = try FileManager.default.contentsOfDirectory(atPath: cache.path)
      let folded = cache.path + "/" + (try #require(names.first { $0.contains(".") }))
      let good = try Data(contentsOf: URL(filePath: folded))
      // It does not need the other one any more.
      try FileManager.default.removeItem(atPath: entry(cache))
      #expect(try pids(cache).contains(UInt32(getpid())))
      #expect(try cache.state().entries == 1)
      try good.dropLast().write(to: URL(filePath: folded))
      for _ in 0..<2 { #expect(try pids(cache).contains(UInt32(getpid()))) }
      #expect(try Data(contentsOf: URL(filePath: folded)) == good)
    }
  }

  @Test func whatTheKernelRefusesIsMadeAnew() throws {
    try withCache { cache in
      _ = try pids(cache)
      let good = try Data(contentsOf: URL(filePath: entry(cache)))
      let key = try #require(
        CacheKey(TasksRecord.files.object(of: "tasks"), programs: ["tasks"]))
      var image = try #require(cache.image(for: key))
      image.programs[0].attachID += 1
      cache.store(image, for: key)
      #expect(try pids(cache).contains(UInt32(getpid())))
      #expect(try Data(contentsOf: URL(filePath: entry(cache))) == good)
    }
  }

  @Test func aDamagedEntryIsMadeAnew() throws {
    try withCache { cache in
      _ = try pids(cache)
      let path = try entry(cache)
      let good = try Data(contentsOf: URL(filePath: path))
      for damage in [good.prefix(good.count / 2), good + [0], Data()] {
        try damage.write(to: URL(filePath: path))
        #expect(try pids(cache).contains(UInt32(getpid())))
        #expect(try Data(contentsOf: URL(filePath: path)) == good)
      }
    }
  }

  @Test func noCacheLeavesItAlone() throws {
    let script = """
      mount -t tmpfs none /run && \(try Kiter.executable()) maps --no-cache >/dev/null && ls /run
      \(try Kiter.executable()) maps >/dev/null && ls /run/kiter
      """
    let output = try Command.run(["unshare", "--mount", "bash", "-c", script])
    #expect(output.text == "cache\n", "\(output.stderr)")
  }

  @Test func doctorShowsIt() throws {
    let script = """
      mount -t tmpfs none /run && \(try Kiter.executable()) maps >/dev/null
      \(try Kiter.executable()) doctor | grep cache
      chmod 777 /run/kiter/cache; \(try Kiter.executable()) doctor | grep -A1 cache
      """
    let output = try Command.run(["unshare", "--mount", "bash", "-c", script])
    #expect(output.text.contains("/run/kiter/cache: 1 entries"), "\(output.text)")
    #expect(output.text.contains("not used: /run/kiter/cache has mode 777"), "\(output.text)")
  }
}
