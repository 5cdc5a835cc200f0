import Foundation
import Glibc
import Testing

@Suite(.kernel) struct VmasTests {
  @Test func equalsSmaps() throws {
    let fixtures = try [
      Fixture("churn", "200"), Fixture("memory"), Fixture("threads", "4"), Fixture("own-files"),
    ]
    let layered = try LayeredProgram()
    defer {
      for fixture in fixtures { fixture.stop() }
      layered.stop()
    }
    let before = try Self.processes()
    let rows = try Dictionary(grouping: Kiter.rows("vmas", "--columns", "all")) {
      $0.number("pid") ?? 0
    }
    let after = try Self.processes()

    #expect(
      before[layered.pid]?.mappings.contains { $0.name == Array("/mnt/merged/cat".utf8) } == true)
    var comparison = FieldComparison("vmas")
    var compared = 0
    for (pid, process) in before where process.isSame(as: after[pid]) {
      let found = rows[Int64(pid)] ?? []
      let starts = process.mappings.map(\.start)
      #expect(found.map { $0.hex("start") } == starts, "the mappings of \(pid), \(process.name)")
      guard found.count == starts.count else { continue }
      for (row, mapping) in zip(found, process.mappings) {
        try Self.compare(row, mapping, of: pid, process.name, &comparison)
      }
      compared += 1
    }
    let lasting = before.keys.filter { after[$0] != nil }.count
    #expect(compared * 10 >= lasting * 8, "only \(compared) of \(lasting) processes stood still")
    try comparison.finish()
  }

  /// All that the fixture knows of what it mapped.
  @Test func showsEverySortOfMemory() throws {
    let fixture = try Fixture("memory")
    defer { fixture.stop() }
    let rows = try Dictionary(
      uniqueKeysWithValues: Kiter.rows("vmas", "--pid", "\(fixture.pid)", "--columns", "all").map {
        ($0.hex("start"), $0)
      })
    let regions = try fixture.facts["regions"].array
    #expect(regions.count >= 10)
    for region in regions {
      let kind = try region["kind"].string
      let row = try #require(rows[try region["start"].uint], "\(kind)")
      #expect(row.hex("end") == (try region["end"].uint), "\(kind)")
      #expect(row.text("permissions") == (try region["permissions"].string), "\(kind)")
      if kind == "shared_anonymous" {
        // Not the process, but the kernel made a file of it.
        #expect(row.bytes("path") == Array("/dev/zero".utf8))
        #expect(row.flag("deleted") == true)
      } else if region["path_hex"].isNull {
        #expect(row.isNull("path") && row.isNull("inode") && row.isNull("offset"), "\(kind)")
        #expect(row.isNull("deleted") && row.isNull("device") && row.isNull("name"), "\(kind)")
      } else {
        try expectFile(of: region, in: row)
      }
      let isNamed = try kind == "named" && fixture.facts["named"].bool
      #expect(row.text("anon_name") == (isNamed ? "fixture name" : nil), "\(kind)")
    }
  }

  private func expectFile(of region: Facts, in row: Row) throws {
    let suffix = Array(" (deleted)".utf8)
    let link = try region["path_hex"].bytes
    let isDeleted = link.suffix(suffix.count).elementsEqual(suffix)
    let device = try region["device"].uint
    #expect(row.bytes("path") == (isDeleted ? link.dropLast(suffix.count) : link))
    #expect(row.flag("deleted") == isDeleted)
    #expect(row.number("offset") == Int64(try region["offset"].int))
    #expect(row.number("inode") == Int64(try region["inode"].int))
    #expect(
      row.text("device") == "\(device >> 8 & 0xfff):\(device & 0xff | device >> 12 & 0xfff00)")
  }

  /// Of a process whose first thread has gone /proc shows no memory, but of its threads.
  /// Older kernels do not walk so: ARCHITECTURE.md, known limits.
  @Test(.needsFunction("bpf_iter_task_new", since: "6.7"))
  func showsTheMemoryOfAZombieLeaderOnce() throws {
    let fixture = try Fixture("zombie-leader", "3")
    defer { fixture.stop() }
    let survivor = try fixture.facts["survivor_tid"].int
    for scope in [["--pid", "\(fixture.pid)"], [], ["--tid", "\(survivor)"]] {
      let (starts, rows) = try whileUnchanged {
        try ProcMapping.maps(of: Int32(survivor)).filter(\.isOwn).map(\.start)
      } _: {
        try Kiter.rows(["vmas"] + scope).filter { $0.number("pid") == Int64(fixture.pid) }
      }
      #expect(starts.count > 10)
      #expect(rows.map { $0.hex("start") } == starts, "\(scope)")
    }
  }

  /// The kernel walks the memory of such threads again.
  @Test func showsTheMemoryOfThreadsWithTheirOwnFilesOnce() throws {
    let fixture = try Fixture("own-files", "3")
    defer { fixture.stop() }
    let starts = try ProcMapping.maps(of: fixture.pid).filter(\.isOwn).map(\.start)
    let process = try Kiter.rows("vmas", "--pid", "\(fixture.pid)")
    #expect(process.map { $0.hex("start") } == starts)
    for tid in try fixture.facts["tids"].array {
      let thread = try Kiter.rows("vmas", "--tid", "\(try tid.int)")
      #expect(thread.map { $0.hex("start") } == starts)
    }
  }

  /// The owner stands for all; another one that is asked for stands for itself.
  @Test func showsMemoryThatProcessesShareOnce() throws {
    let fixture = try Fixture("shared-memory")
    defer { fixture.stop() }
    let (owner, sharer) = (fixture.pid, Int32(try fixture.facts["sharer_pid"].int))
    let starts = try ProcMapping.maps(of: sharer).filter(\.isOwn).map(\.start)
    let startsOfOwner = try ProcMapping.maps(of: owner).filter(\.isOwn).map(\.start)
    #expect(starts.count > 10 && starts == startsOfOwner)
    let rows = try Kiter.rows("vmas", "--columns", "pid,start")
    #expect(rows.filter { $0.number("pid") == Int64(owner) }.map { $0.hex("start") } == starts)
    #expect(rows.allSatisfy { $0.number("pid") != Int64(sharer) })
    for pid in [owner, sharer] {
      let process = try Kiter.rows("vmas", "--pid", "\(pid)")
      #expect(process.map { $0.hex("start") } == starts)
      #expect(process.allSatisfy { $0.number("pid") == Int64(pid) })
    }
  }

  /// Far more than one read of the kernel's buffer gives.
  @Test func showsEachOfManyMappingsOnce() throws {
    let fixture = try Fixture("memory", "maps", "8000")
    defer { fixture.stop() }
    let (start, end) = (try fixture.facts["start"].uint, try fixture.facts["end"].uint)
    let page = try fixture.facts["page_size"].uint
    let rows = try Kiter.rows("vmas", "--pid", "\(fixture.pid)", "--columns", "start")
    let starts = rows.compactMap { $0.hex("start") }.filter { (start..<end).contains($0) }
    #expect(starts == Array(stride(from: start, to: end, by: Int(page))))
    #expect(starts.count == 8000)
  }

  private static func compare(
    _ row: Row, _ mapping: ProcMapping, of pid: Int32, _ name: String,
    _ comparison: inout FieldComparison
  ) throws {
    let place = "\(name) \(pid), \(String(mapping.start, radix: 16))"
    let size = try mapping.details.bytes("Size").map(Int64.init)
    comparison.compare("pid", row.number("pid"), Int64(pid), in: place)
    comparison.compare("comm", row.text("comm"), name, in: place)
    comparison.compare("start", row.hex("start"), mapping.start, in: place)
    comparison.compare("end", row.hex("end"), mapping.end, in: place)
    comparison.compare("size_bytes", row.number("size_bytes"), size, in: place)
    comparison.compare("permissions", row.text("permissions"), mapping.permissions, in: place)
    let file = mapping.file
    comparison.compare("offset", row.number("offset"), file?.offset, in: place)
    comparison.compare("device", row.text("device"), file?.device, in: place)
    comparison.compare("inode", row.number("inode"), file?.inode, in: place)
    comparison.compare("path", row.bytes("path"), file?.path, in: place)
    comparison.compare("deleted", row.flag("deleted"), file?.isDeleted, in: place)
    comparison.compare("name", row.text("name"), mapping.specialName, in: place)
    comparison.compare("anon_name", row.text("anon_name"), mapping.anonymousName, in: place)
    let flags = try #require(row.list("flags"))
    let known = try mapping.flags.compactMap { flagNames[$0] }
    comparison.compare(
      "flags", Set(flags.filter { !$0.hasPrefix("0x") }), Set(known), in: place)
    let others = try mapping.flags.filter { flagNames[$0] == nil }
    comparison.compare("flags", flags.contains { $0.hasPrefix("0x") }, !others.isEmpty, in: place)
  }

  /// What stands for each bit in smaps (fs/proc/task_mmu.c, show_smap_vma_flags()).
  private static let flagNames = [
    "rd": "read", "wr": "write", "ex": "exec", "sh": "shared", "mr": "mayread", "mw": "maywrite",
    "me": "mayexec", "ms": "mayshare", "gd": "growsdown", "um": "uffd_missing", "pf": "pfnmap",
    "gu": "maybe_guard", "uw": "uffd_wp", "lo": "locked", "io": "io", "sr": "seq_read",
    "rr": "rand_read", "dc": "dontcopy", "de": "dontexpand", "lf": "lockonfault", "ac": "account",
    "nr": "noreserve", "ht": "hugetlb", "sf": "sync", "ar": "arch_1", "bt": "arch_1",
    "wf": "wipeonfork", "dd": "dontdump", "sd": "softdirty", "mm": "mixedmap", "hg": "hugepage",
    "nh": "nohugepage", "mg": "mergeable",
  ]

  /// A process as /proc shows it.
  private struct Process {
    let name: String
    let mappings: [ProcMapping]

    func isSame(as other: Process?) -> Bool {
      guard let other, name == other.name, mappings.count == other.mappings.count else {
        return false
      }
      return zip(mappings, other.mappings).allSatisfy { $0.isSame(as: $1) }
    }
  }

  /// The processes that have memory, and are there all the time that it takes to look at them.
  private static func processes() throws -> [Int32: Process] {
    try ProcFiles.numbers(in: "/proc").reduce(into: [:]) { processes, pid in
      guard let all = try? ProcMapping.smaps(of: pid), !all.isEmpty,
        let name = try? ProcFiles.contents("/proc/\(pid)/comm")
      else { return }
      let mappings = all.filter(\.isOwn)
      processes[pid] = Process(
        name: String(decoding: name.dropLast(), as: UTF8.self), mappings: mappings)
    }
  }
}

/// A program that runs from overlayfs, whose mappings are of another file than was asked for.
private final class LayeredProgram {
  private let process: Subprocess
  var pid: Int32 { process.pid }

  init() throws {
    let script = """
      mount -t tmpfs tmpfs /mnt && cd /mnt && mkdir lower upper work merged && cp /bin/cat lower &&
      mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged &&
      exec merged/cat
      """
    process = try Subprocess(["unshare", "--mount", "sh", "-c", script])
    // It answers when it runs.
    _ = process.send(Data("running".utf8))
    var answer = [UInt8](repeating: 0, count: 16)
    // SAFETY: read is given the size of the buffer.
    guard read(process.output, &answer, answer.count) > 0 else {
      throw Fixture.Failure(description: "no program could be run from overlayfs")
    }
  }

  func stop() {
    process.closeInput()
    _ = process.wait(timeout: .seconds(20))
  }
}

extension ProcMapping {
  /// Is it the process's? One that /proc adds is a page of the kernel's own.
  fileprivate var isOwn: Bool { name != Array("[vsyscall]".utf8) }

  /// What a mapping of a file shows of it.
  fileprivate struct File {
    let offset, inode: Int64
    let device: String
    let path: [UInt8]
    let isDeleted: Bool
  }

  fileprivate var file: File? {
    guard deviceMajor != 0 || deviceMinor != 0 || inode != 0 else { return nil }
    let suffix = Array(" (deleted)".utf8)
    let isDeleted = name.suffix(suffix.count).elementsEqual(suffix)
    return File(
      offset: Int64(offset), inode: Int64(inode), device: "\(deviceMajor):\(deviceMinor)",
      path: isDeleted ? name.dropLast(suffix.count) : name, isDeleted: isDeleted)
  }

  /// `[heap]` and the like; nil for what the process named itself.
  fileprivate var specialName: String? {
    file != nil || name.isEmpty || anonymousName != nil
      ? nil : String(decoding: name, as: UTF8.self)
  }

  fileprivate var anonymousName: String? {
    let text = String(decoding: name, as: UTF8.self)
    return text.hasPrefix("[anon:") ? String(text.dropFirst(6).dropLast()) : nil
  }

  fileprivate func isSame(as other: ProcMapping) -> Bool {
    start == other.start && end == other.end && permissions == other.permissions
      && offset == other.offset && inode == other.inode && name == other.name
      && (try? flags) == (try? other.flags)
  }
}
