import Foundation
import IteratorCatalog
import KernelIterators
import RecordSchema
import Testing

/// What a program gives that walks by itself is what the kernel's own walk gives.
@Suite(.kernel) struct DirectTests {
  /// Every column that the direct engine can give.
  private static let columns = {
    let all = Projection(allOf: TasksRecord.schema)
    return all.columns.map(\.field.name).filter { !all.iteratorColumns.contains($0) }
  }()

  private static func rows(_ engine: String, _ options: [String]) throws -> [Int64: Row] {
    let rows = try Kiter.rows(
      ["tasks", "--engine", engine, "--columns", columns.joined(separator: ",")] + options)
    let threads = rows.compactMap { $0.number("tid") }
    #expect(threads == threads.sorted(), "\(engine): not in order")
    #expect(Set(threads).count == rows.count, "\(engine): a task is there twice")
    return Dictionary(uniqueKeysWithValues: zip(threads, rows))
  }

  /// A field whose value is the same before and after must have that value in between.
  @Test(arguments: [[], ["--threads"]]) func equalsTheOtherEngine(_ options: [String]) throws {
    let states = try [
      Fixture("identity"), Fixture("signals"), Fixture("scheduler"), Fixture("scheduler", "fifo"),
      Fixture("threads", "4"), Fixture("zombie"), Fixture("zombie-leader"), Fixture("namespaces"),
      Fixture("traced"), Fixture("tty"), Fixture("memory"),
    ]
    defer { for fixture in states { fixture.stop() } }
    let before = try Self.rows("seq", options)
    let direct = try Self.rows("direct", options)
    let after = try Self.rows("seq", options)
    let pids = Set(states.map { Int64($0.pid) })
    var compared: Set<String> = []
    for (tid, row) in before {
      guard pids.contains(row.number("pid") ?? 0), let later = after[tid] else { continue }
      let found = try #require(direct[tid], "\(tid) is missing")
      for name in Self.columns where row.isSame(as: later, name) {
        #expect(found.isSame(as: row, name), "\(tid): \(name)")
        compared.insert(name)
      }
    }
    let missing = Set(Self.columns).subtracting(compared)
    #expect(missing.isSubset(of: ["elapsed_seconds", "cpu_percent"]), "never compared: \(missing)")
    // Kernel threads are seen, and what has no value has none.
    #expect(direct[2]?.isNull("rss_bytes") == true && direct[2]?.flag("kernel_thread") == true)
  }

  @Test func filtersAreTheSame() throws {
    let fixture = try Fixture("identity")
    let row = try #require(try Kiter.rows("tasks", "--pid", "\(fixture.pid)", "-c", "uid").first)
    let uid = try #require(row.number("uid"))
    let rows = try Kiter.rows(
      "tasks", "--engine", "direct", "--uid", "\(uid)", "-c", "pid,uid")
    #expect(rows.contains { $0.number("pid") == Int64(fixture.pid) })
    #expect(rows.allSatisfy { $0.number("uid") == uid })
  }

  @Test func seesItsPidNamespaceAlone() throws {
    let kiter = try Kiter.executable()
    for engine in ["seq", "direct"] {
      let output = try Command.run([
        "unshare", "--pid", "--fork", "--mount-proc", kiter, "tasks", "-c", "pid,tid,ppid,pgid",
        "--engine", engine, "-o", "csv", "--no-header",
      ])
      #expect(output.status == 0, "\(output.stderr)")
      #expect(output.text.split(whereSeparator: \.isNewline) == ["1,1,,"], "\(engine)")
    }
  }

  /// Processes come and go; who stays is there once in each snapshot.
  @Test func losesNobodyWhileOthersComeAndGo() throws {
    let churn = try Fixture("churn", "200")
    let fixture = try Fixture("identify", "64")
    defer { churn.stop() }
    let pids = Set(try fixture.facts["processes"].array.map { UInt32(try $0["pid"].int) })
    var reader = try TableReader<TasksRecord>(columns: [.pid, .ppid, .comm], engine: .direct)
    for _ in 0..<200 {
      let found = try reader.snapshot().compactMap(\.pid).filter { pids.contains($0) }
      #expect(found.count == pids.count && Set(found) == pids)
    }
  }

  /// A list that is longer than it was thought to be is made again, with room for all of it; and a
  /// part whose records a chunk has no room for goes on in the next.
  @Test func takesMoreMemoryWhereItIsTooLittle() throws {
    let fixture = try Fixture("threads", "1500")
    let projection = try Projection(TasksRecord.schema, columns: Self.columns)
    var constants = ProgramConstants(pageShift: 12, processors: 1)
    constants.parameters["threads"] = 1
    constants.slots = UInt32(DirectWalk.readers)
    let bytes = constants.bytes(for: projection)
    var sizes: [UInt32] = []
    let walk = try DirectWalk("tasks_parts", iterator: "tasks", size: DirectMemorySize(tasks: 0)) {
      memory throws(IteratorError) in
      sizes.append(memory.lists)
      return try LoadedPrograms(
        TasksRecord.files.object(of: "tasks"), programs: ["tasks_parts"], constants: bytes,
        slots: constants.slots, memory: memory, cache: nil)
    }
    let tasks = try walk.list()
    #expect(sizes.count == 2 && sizes.first == 1 && sizes.last ?? 0 > 1, "\(sizes)")
    var threads: [UInt32] = []
    var next = 0
    var runs = 0
    while next < tasks {
      let stored = try walk.store(
        next..<tasks, chunk: runs % DirectWalk.chunksOfReader, reader: runs % 2)
      var at = 0
      while let header = RecordHeader(stored.records, at: at) {
        let pid = stored.records.loadUnaligned(
          fromByteOffset: at + projection.layout.slots[0].offset, as: UInt32.self)
        if pid == UInt32(fixture.pid) { threads.append(header.order) }
        at += header.size
      }
      #expect(at == stored.records.count && stored.next > next)
      next = stored.next
      runs += 1
    }
    #expect(runs > 1)
    #expect(threads.count == 1501 && threads == threads.sorted())
  }

  /// So has a walk in one run, and rows whose order is not that of the walk.
  @Test func takesMoreChunksWhereTheyAreTooFew() throws {
    let fixture = try Fixture("threads", "1500")
    let projection = try Projection(TasksRecord.schema, columns: Self.columns)
    var constants = ProgramConstants(pageShift: 12, processors: 1)
    constants.parameters["threads"] = 1
    let bytes = constants.bytes(for: projection)
    var sizes: [UInt32] = []
    let walk = try DirectWalk(
      "tasks_whole", iterator: "tasks", size: DirectMemorySize(bytes: 0)
    ) { memory throws(IteratorError) in
      sizes.append(memory.chunks)
      return try LoadedPrograms(
        TasksRecord.files.object(of: "tasks"), programs: ["tasks_whole"], constants: bytes,
        slots: 1, memory: memory, cache: nil)
    }
    let chunks = try walk.storeAll()
    #expect(sizes.count == 2 && sizes.first == 1 && sizes.last ?? 0 > 1, "\(sizes)")
    var threads: [UInt32] = []
    for chunk in 0..<chunks {
      let records = walk.records(in: chunk)
      var at = 0
      while let header = RecordHeader(records, at: at) {
        let pid = records.loadUnaligned(
          fromByteOffset: at + projection.layout.slots[0].offset, as: UInt32.self)
        if pid == UInt32(fixture.pid) { threads.append(header.order) }
        at += header.size
      }
      #expect(at == records.count)
    }
    #expect(threads.count == 1501 && Set(threads).count == 1501)
  }

  /// With many tasks two threads share the list: each task is there once, in order.
  @Test func twoReadersShareManyTasks() throws {
    let fixture = try Fixture("threads", "3000")
    let rows = try Kiter.rows("tasks", "--threads", "--engine", "direct", "-c", "pid,tid,cmdline")
    let own = rows.filter { $0.number("pid") == Int64(fixture.pid) }.compactMap { $0.number("tid") }
    #expect(own.count == 3001 && own == own.sorted() && Set(own).count == 3001)
    let again = try Kiter.rows("tasks", "--threads", "--engine", "seq", "-c", "pid,tid,cmdline")
    let others = again.filter { $0.number("pid") == Int64(fixture.pid) }
    #expect(others.compactMap { $0.number("tid") } == own)
    let texts = Set(
      (rows + again).filter { $0.number("pid") == Int64(fixture.pid) }.map {
        $0.text("cmdline")
      })
    #expect(texts.count == 1)
  }

  /// A snapshot that was not read to its end does not spoil the next one.
  @Test(arguments: [["pid", "tid"], ["pid", "tid", "cmdline"]])
  func canBeginAgainBeforeTheEnd(_ columns: [String]) throws {
    let fixture = try Fixture("threads", "3000")
    var request = TableRequest(try Projection(TasksRecord.schema, columns: columns))
    request.parameters["threads"] = 1
    request.engine = .direct
    let source = try RepeatedSource(TasksRecord.files, request)
    var buffer = [UInt8](repeating: 0, count: 1000)
    for _ in 0..<20 {
      source.restart()
      for _ in 0..<3 { _ = try buffer.withUnsafeMutableBytes { try source.read(into: $0) } }
    }
    source.restart()
    let snapshot = try Snapshot<TasksRecord>(
      source, projection: request.projection, host: .live())
    let own = snapshot.filter { $0.pid == UInt32(fixture.pid) }.compactMap(\.tid)
    #expect(own.count == 3001 && own == own.sorted())
  }

  @Test(arguments: [
    (["tasks", "-c", "pid,exe"], "cannot give exe"), (["tasks", "-c", "all"], "cannot give exe"),
    (["tasks", "-c", "pid", "--pid", "1"], "knows no --pid"),
    (["maps"], "does not have this table"),
  ])
  func saysWhatItCannotDo(_ arguments: [String], _ reason: String) throws {
    let output = try Kiter.run(arguments + ["--engine", "direct"])
    #expect(output.status == 64 && output.stdout.isEmpty)
    #expect(output.stderr.contains(reason) && output.stderr.contains("--engine seq"))
  }

  /// CAP_BPF and CAP_PERFMON are enough, as for the other engine.
  @Test func needsNoMoreCapabilities() throws {
    let output = try Command.run([
      "setpriv", "--reuid", "65534", "--clear-groups", "--inh-caps", "+bpf,+perfmon",
      "--ambient-caps", "+bpf,+perfmon", try Kiter.executable(), "tasks", "-c", "pid,comm",
      "--engine", "direct",
    ])
    #expect(output.status == 0, "\(output.stderr)")
  }
}

extension Row {
  /// Have both rows the same value here?
  fileprivate func isSame(as other: Row, _ name: String) -> Bool {
    value(name) == other.value(name)
  }
}
