import Glibc

private let pageSize = Int(getpagesize())

/// `memory`: known amounts of every sort of memory. `memory maps N`: N mappings that do not merge.
func memory(_ arguments: [String]) throws -> KnownState {
  if arguments.first == "maps" { return try manyMaps(try number(arguments, at: 1)) }
  guard arguments.isEmpty else { throw UsageError(expected: "[maps N]") }
  let directory = try TemporaryDirectory()
  var ground = try Ground(pages: 8192)
  try ground.addAnonymous()
  try ground.addFiles(in: directory)
  try ground.addShared()
  let named = try ground.addNamed()
  return KnownState(
    facts: [
      "regions": .array(ground.regions), "named": .bool(named), "page_size": .number(pageSize),
    ],
    resources: [directory])
}

/// A stretch of addresses in which mappings are placed with a guard page between them, so that the
/// kernel merges none of them with another.
private struct Ground {
  private(set) var regions: [JSON] = []
  private var next: UInt
  private let end: UInt

  init(pages: Int) throws {
    // SAFETY: the kernel chooses the place.
    let start = mmap(nil, pages * pageSize, PROT_NONE, MAP_PRIVATE | anonymous, -1, 0)
    next = try address(start)
    end = next + UInt(pages * pageSize)
  }

  /// Maps `pages` and touches the first `touched` of them.
  mutating func map(
    _ kind: String, pages: Int, _ protection: Int32, _ flags: Int32, file: Int32 = -1,
    offset: Int = 0, touched: Int
  ) throws -> UInt {
    let start = next + UInt(pageSize)
    let size = pages * pageSize
    precondition(start + UInt(size) < end, "the ground is too small")
    // SAFETY: the range lies in the ground, where nothing else is.
    try address(
      mmap(
        UnsafeMutableRawPointer(bitPattern: start), size, protection, flags | MAP_FIXED, file,
        offset))
    try touch(start, pages: touched, writing: protection & PROT_WRITE != 0)
    next = start + UInt(size)
    regions.append(try facts(kind, start, pages, protection, flags, file, offset, touched))
    return start
  }

  private func facts(
    _ kind: String, _ start: UInt, _ pages: Int, _ protection: Int32, _ flags: Int32, _ file: Int32,
    _ offset: Int, _ touched: Int
  ) throws -> JSON {
    let letters = [(PROT_READ, "r"), (PROT_WRITE, "w"), (PROT_EXEC, "x")]
      .map { protection & $0 != 0 ? $1 : "-" }.joined()
    let facts: JSON = [
      "kind": .string(kind), "start": .number(start),
      "end": .number(start + UInt(pages * pageSize)),
      "permissions": .string(letters + (flags & MAP_SHARED != 0 ? "s" : "p")),
      "touched_bytes": .number(touched * pageSize), "offset": .number(offset),
    ]
    guard file >= 0 else { return facts }
    var status = stat()
    // SAFETY: fstat fills the structure.
    try check("fstat", fstat(file, &status))
    return facts.merging([
      "inode": .number(status.st_ino), "device": .number(status.st_dev),
      "path_hex": .hex(try linkTarget("/proc/self/fd/\(file)")),
    ])
  }
}

extension Ground {
  fileprivate mutating func addAnonymous() throws {
    let readWrite = PROT_READ | PROT_WRITE
    _ = try map("anonymous", pages: 512, readWrite, MAP_PRIVATE | anonymous, touched: 300)
    _ = try map("anonymous_read_only", pages: 3, PROT_READ, MAP_PRIVATE | anonymous, touched: 0)
    _ = try map("executable", pages: 2, PROT_READ | PROT_EXEC, MAP_PRIVATE | anonymous, touched: 0)
  }

  fileprivate mutating func addFiles(in directory: TemporaryDirectory) throws {
    let path = try directory.file("mapped", size: 256 * pageSize)
    let file = try openFile(path, O_RDWR)
    let readWrite = PROT_READ | PROT_WRITE
    _ = try map("file_private", pages: 64, readWrite, MAP_PRIVATE, file: file, touched: 40)
    _ = try map(
      "file_shared", pages: 64, readWrite, MAP_SHARED, file: file, offset: 16 * pageSize,
      touched: 50)
    _ = try map("file_none", pages: 8, PROT_NONE, MAP_PRIVATE, file: file, touched: 0)
    let odd = try openFile(try directory.file("a space\nand a line", size: pageSize))
    _ = try map("odd_name", pages: 1, PROT_READ, MAP_PRIVATE, file: odd, touched: 1)
    let gone = try directory.file("gone", size: 4 * pageSize)
    let deleted = try openFile(gone)
    try check("unlink", unlink(gone))
    _ = try map("deleted", pages: 4, PROT_READ, MAP_SHARED, file: deleted, touched: 4)
  }

  fileprivate mutating func addShared() throws {
    let readWrite = PROT_READ | PROT_WRITE
    _ = try map("shared_anonymous", pages: 128, readWrite, MAP_SHARED | anonymous, touched: 100)
    let file = try check("memfd_create", linuxMemfd("fixture memory", 0))
    try check("ftruncate", ftruncate(file, 32 * pageSize))
    _ = try map("memfd", pages: 32, readWrite, MAP_SHARED, file: file, touched: 20)
  }

  /// A mapping with a name of its own; false if this kernel cannot name anonymous memory.
  fileprivate mutating func addNamed() throws -> Bool {
    let readWrite = PROT_READ | PROT_WRITE
    let start = try map("named", pages: 5, readWrite, MAP_PRIVATE | anonymous, touched: 5)
    // SAFETY: the kernel copies the name.
    return "fixture name".withCString {
      linuxPrctl(Linux.prSetVMA, 0, start, UInt(5 * pageSize), UInt(bitPattern: $0)) == 0
    }
  }
}

private let anonymous: Int32 = 0x20

/// The address that mmap answered, or its errno.
@discardableResult
private func address(_ mapped: UnsafeMutableRawPointer?) throws -> UInt {
  try UInt(bitPattern: check("mmap", Int(bitPattern: mapped)))
}

/// Brings pages into memory as reading or writing each of them would.
private func touch(_ start: UInt, pages: Int, writing: Bool) throws {
  guard pages > 0 else { return }
  let (populateRead, populateWrite): (Int32, Int32) = (22, 23)
  let advice = writing ? populateWrite : populateRead
  // SAFETY: the pages have just been mapped with the access that is used here.
  let place = UnsafeMutableRawPointer(bitPattern: start)
  try check("madvise", madvise(place, pages * pageSize, advice))
}

/// N mappings of one page each; neighbours differ in protection.
private func manyMaps(_ count: Int) throws -> KnownState {
  let size = max(count, 1) * pageSize
  // SAFETY: the kernel chooses the place.
  let start = try address(mmap(nil, size, PROT_READ, MAP_SHARED | anonymous, -1, 0))
  for page in stride(from: 1, to: count, by: 2) {
    let place = UnsafeMutableRawPointer(bitPattern: start + UInt(page * pageSize))
    // SAFETY: the page lies in the mapping made above.
    try check("mprotect", mprotect(place, pageSize, PROT_READ | PROT_WRITE))
  }
  return KnownState(facts: [
    "start": .number(start), "end": .number(start + UInt(size)), "maps": .number(count),
    "page_size": .number(pageSize),
  ])
}
