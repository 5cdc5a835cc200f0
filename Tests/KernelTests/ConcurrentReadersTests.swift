import Foundation
import IteratorCatalog
import KernelIterators
import RecordSchema
import Synchronization
import Testing

/// Many readers of one attached iterator, or of one each, never get parts of each other's records.
/// KITER_READER_ROUNDS says how often each reads, and with how many processes: 1,000 then.
@Suite(.kernel, .serialized) struct ConcurrentReadersTests {
  private static let readers = 64
  private static let longRounds =
    ProcessInfo.processInfo.environment["KITER_READER_ROUNDS"].flatMap(Int.init)
  private static let rounds = longRounds ?? 2
  private static let processes = longRounds == nil ? "64" : "1000"
  private static let columns = ["pid", "comm", "cmdline", "cwd"]

  /// One link to read from, with as many scratch slots as a pin gets.
  private static func link() throws -> IteratorLink {
    var constants = ProgramConstants(pageShift: 12, processors: 1)
    constants.slots = 8
    let projection = try Projection(TasksRecord.schema, columns: columns)
    let programs = try LoadedPrograms(
      TasksRecord.files.object(of: "tasks"), programs: ["tasks"],
      constants: constants.bytes(for: projection), slots: constants.slots)
    return try programs.attach("tasks", scope: .all)
  }

  /// The processes of `identify`: pid and the token that all of its strings hold.
  private static func tokens(_ fixture: Fixture) throws -> [UInt32: String] {
    var tokens: [UInt32: String] = [:]
    for child in try fixture.facts["processes"].array {
      tokens[UInt32(try child["pid"].int)] = try child["token"].string
    }
    return tokens
  }

  /// Checks each string of each known process.
  ///
  /// - Returns: how many records were checked.
  private static func check<Source: RecordSource & ~Copyable>(
    _ source: consuming Source, _ tokens: [UInt32: String]
  ) throws -> Int {
    let projection = try Projection(TasksRecord.schema, columns: columns)
    let snapshot = try Snapshot<TasksRecord>(source, projection: projection, host: .live())
    var checked = 0
    for task in snapshot {
      guard let pid = task.pid, let token = tokens[pid] else { continue }
      #expect(task.comm?.contains(token) == true, "\(pid): comm \(task.comm ?? "-")")
      #expect(task.cwd?.contains(token) == true, "\(pid): cwd \(task.cwd ?? "-")")
      #expect(task.cmdline?.contains(token) == true, "\(pid): cmdline \(task.cmdline ?? "-")")
      checked += 1
    }
    return checked
  }

  @Test func manyThreadsOfOneLink() throws {
    let fixture = try Fixture("identify", Self.processes, timeout: .seconds(120))
    let tokens = try Self.tokens(fixture)
    let shared = SharedLink(try Self.link())
    let counts = Mutex<[Int]>([])
    DispatchQueue.concurrentPerform(iterations: Self.readers) { _ in
      for _ in 0..<Self.rounds {
        do {
          let count = try Self.check(shared.open(), tokens)
          counts.withLock { $0.append(count) }
        } catch {
          Issue.record(error)
        }
      }
    }
    let expected = Array(repeating: tokens.count, count: Self.readers * Self.rounds)
    #expect(counts.withLock(\.self) == expected)
  }

  /// Each loads programs of its own.
  @Test func manyProcessesAtOnce() throws {
    let fixture = try Fixture("identify", Self.processes, timeout: .seconds(120))
    let tokens = try Self.tokens(fixture)
    let folder = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let script = """
      for reader in $(seq \(Self.readers)); do
        \(try Kiter.executable()) tasks -c pid,comm,cmdline,cwd -o jsonl >\(folder.path)/$reader &
      done
      wait
      """
    for _ in 0..<Self.rounds {
      let output = try Command.run(["sh", "-c", script], timeout: .seconds(300))
      #expect(output.stderr.isEmpty, "\(output.stderr)")
      for reader in 1...Self.readers {
        let lines = try Data(contentsOf: folder.appending(path: "\(reader)"))
        try Self.check(try PinnedHost.rows(lines), tokens)
      }
    }
  }

  private static func check(_ rows: [Row], _ tokens: [UInt32: String]) throws {
    var shown: Set<UInt32> = []
    for row in rows {
      guard let pid = row.number("pid").map({ UInt32($0) }), let token = tokens[pid] else {
        continue
      }
      #expect(shown.insert(pid).inserted, "\(pid) is there twice")
      for name in ["comm", "cwd", "cmdline"] {
        #expect(row.text(name)?.contains(token) == true, "\(pid): \(name)")
      }
    }
    #expect(shown.count == tokens.count)
  }

  @Test func manyProcessesOfOnePin() throws {
    let fixture = try Fixture("identify", Self.processes, timeout: .seconds(120))
    let tokens = try Self.tokens(fixture)
    let pin = "/sys/fs/bpf/kiter-test-\(getpid())"
    try Self.link().pin(at: pin)
    defer { unlink(pin) }
    let folder = FileManager.default.temporaryDirectory.appending(path: "kiter-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let script = """
      for reader in $(seq \(Self.readers)); do
        # cat stops at EAGAIN, with which the kernel asks for another try.
        (until cat \(pin) >\(folder.path)/$reader 2>/dev/null; do :; done) &
      done
      wait
      """
    for _ in 0..<Self.rounds {
      #expect(try Command.run(["sh", "-c", script]).status == 0)
      for reader in 1...Self.readers {
        let bytes = try Data(contentsOf: folder.appending(path: "\(reader)"))
        #expect(try Self.check(RecordedSource(bytes), tokens) == tokens.count)
      }
    }
  }
}

/// Lets threads open the same link.
private final class SharedLink: @unchecked Sendable {
  // @unchecked: a link is a descriptor number, and opening it changes nothing here.
  private let link: IteratorLink

  init(_ link: consuming IteratorLink) { self.link = link }

  func open() throws -> LinkSource { LinkSource(reader: try link.open()) }
}

/// One walk as a source.
private struct LinkSource: RecordSource, ~Copyable {
  var reader: IteratorReader<KernelCalls>

  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(IteratorError) -> Int {
    try reader.read(into: buffer)
  }
}

/// Bytes that another process has read.
private struct RecordedSource: RecordSource {
  private var rest: Data

  init(_ bytes: Data) { rest = bytes }

  mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let part = rest.prefix(buffer.count)
    buffer.copyBytes(from: part)
    rest = rest.dropFirst(part.count)
    return part.count
  }
}
