import Foundation
import IteratorCatalog
import KernelIterators
import RecordSchema
import Testing

/// kiter as a library: typed records for other Swift programs.
@Suite(.kernel) struct LibraryTests {
  @Test func theExamplePrintsThisProcess() throws {
    let example = try URL(filePath: Kiter.executable()).deletingLastPathComponent()
      .appending(path: "print-tasks").path
    let output = try Command.run([example])
    #expect(output.status == 0, "\(output.stderr)")
    let rows = output.text.split(separator: "\n").map { $0.split(separator: "\t") }
    #expect(rows.contains { $0.first == "\(getpid())" && $0.count == 4 })
  }

  @Test func absenceHasAReason() throws {
    let tasks = try TasksRecord.snapshot(columns: [.pid, .exe, .cmdline])
    let kernelThread = try #require(tasks.first { $0.pid == 2 })
    #expect(kernelThread.exe == nil)
    #expect(kernelThread.bytes.presence(of: "exe") == .notApplicable)
    #expect(kernelThread.bytes.presence(of: "comm") == .notRequested)
    #expect(kernelThread.bytes.presence(of: "nothing") == nil)
    let own = try #require(tasks.first { $0.pid == UInt32(getpid()) })
    #expect(own.bytes.presence(of: "exe") == .value)
    #expect(
      own.exe == (try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")))
  }

  @Test func rawTextKeepsEveryByte() throws {
    let fixture = try Fixture("names", "ff0a22")
    let task = try #require(
      try TasksRecord.snapshot(columns: [.comm], scope: .pid(UInt32(fixture.pid))).first)
    #expect(task.bytes.rawText("comm") == [0xff, 0x0a, 0x22])
  }

  /// Any table can be read again and again, by the same programs.
  @Test(arguments: Catalog.tables.map { $0.schema.name }) func readsAgain(_ table: String) throws {
    func read<Record: KernelRecord>(_ record: Record.Type) throws {
      var reader = try TableReader<Record>(columns: Array(Record.Column.allCases))
      let first = try reader.snapshot()
      let second = try reader.snapshot()
      #expect(reader.engine == .seq)
      // Sockets may be none; nearly all that was there before is there still.
      #expect(first.count <= 2 * second.count + 64 && second.count <= 2 * first.count + 64)
    }
    let record: any KernelRecord.Type = try #require(
      Catalog.tables.first { $0.schema.name == table })
    try read(record)
  }

  @Test(arguments: WalkEngine.allCases) func aSnapshotStaysAsItIs(_ engine: WalkEngine) throws {
    var reader = try TableReader<TasksRecord>(columns: [.pid, .comm, .user], engine: engine)
    #expect(reader.engine == engine)
    let fixture = try Fixture("sleep")
    let pid = UInt32(fixture.pid)
    let before = try reader.snapshot()
    fixture.stop()
    let after = try reader.snapshot()
    let task = try #require(before.first { $0.pid == pid })
    #expect(task.comm == "kiter-fixture" && task.user == "root")
    #expect(!after.contains { $0.pid == pid })
  }
}
