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

  /// A table that is larger than it was thought to be is read again, with room for all of it.
  @Test func takesMoreMemoryWhereItIsTooLittle() throws {
    let fixture = try Fixture("threads", "500")
    let projection = try Projection(TasksRecord.schema, columns: Self.columns)
    var constants = ProgramConstants(pageShift: 12, processors: 1)
    constants.parameters["threads"] = 1
    let bytes = constants.bytes(for: projection)
    var sizes: [UInt32] = []
    var walk = try DirectWalk("tasks_direct", iterator: "tasks", size: 0) {
      chunks throws(IteratorError) in
      sizes.append(chunks)
      return try LoadedPrograms(
        TasksRecord.files.object(of: "tasks"), programs: ["tasks_direct"], constants: bytes,
        slots: 1, chunks: chunks, cache: nil)
    }
    try walk.run()
    #expect(sizes.count == 2 && sizes.first == 1 && sizes.last ?? 0 > 1, "\(sizes)")
    var threads: [UInt32] = []
    walk.forEachPiece { piece in
      var at = 0
      while let header = RecordHeader(piece, at: at) {
        let pid = piece.loadUnaligned(
          fromByteOffset: at + projection.layout.slots[0].offset, as: UInt32.self)
        if pid == UInt32(fixture.pid) { threads.append(header.order) }
        at += header.size
      }
      #expect(at == piece.count)
    }
    #expect(threads.count == 501 && Set(threads).count == 501)
  }

  @Test(arguments: [
    (["tasks"], "cannot give cmdline"), (["tasks", "-c", "pid,wchan"], "cannot give wchan"),
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
