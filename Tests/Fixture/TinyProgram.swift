import Glibc

/// A program of a few instructions: it waits for the end of its standard input, and exits.
///
/// A copy of this process would share its pages with all other copies; thousands of them make every
/// walk from a page to its users slow, for the kernel and so for all. This has hardly a page.
enum TinyProgram {
  /// Writes the program to a file.
  static func write(to path: String) throws {
    let file = try openFile(path, O_CREAT | O_WRONLY | O_CLOEXEC, mode: 0o700)
    defer { close(file) }
    writeAll(image, to: file)
  }

  private static let image: [UInt8] = {
    let (headerSize, segmentSize, base) = (64, 56, 0x40_0000)
    let size = headerSize + segmentSize + code.count
    return header(entry: base + headerSize + segmentSize) + segment(base, size) + code
  }()

  /// The ELF header of a 64-bit little-endian executable with one program header after it.
  private static func header(entry: Int) -> [UInt8] {
    [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + little(0, 8) + little(2, 2) + little(machine, 2)
      + little(1, 4) + little(entry, 8) + little(64, 8) + little(0, 8) + little(0, 4)
      + little(64, 2) + little(56, 2) + little(1, 2) + little(0, 6)
  }

  /// The program header: the whole file, readable and executable.
  private static func segment(_ base: Int, _ size: Int) -> [UInt8] {
    little(1, 4) + little(5, 4) + little(0, 8) + little(base, 8) + little(base, 8)
      + little(size, 8) + little(size, 8) + little(0x1000, 8)
  }

  private static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> ($0 * 8)) : 0 }
  }

  // read(0, stack, 1), then exit(0).
  #if arch(x86_64)
    private static let machine = 62
    private static let code: [UInt8] = [
      0x31, 0xc0, 0x31, 0xff, 0x48, 0x89, 0xe6, 0xba, 1, 0, 0, 0, 0x0f, 0x05,
      0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05,
    ]
  #else
    private static let machine = 183
    private static let code: [UInt8] = [
      0xd280_0000, 0x9100_03e1, 0xd280_0022, 0xd280_07e8, 0xd400_0001,
      0xd280_0000, 0xd280_0ba8, 0xd400_0001,
    ].flatMap { little($0, 4) }
  #endif
}

/// Many processes that wait, and end together when this object is released or this process ends.
final class Crowd: Resource {
  private(set) var pids: [pid_t] = []
  private let lifeline: (read: Int32, write: Int32)
  private let directory: TemporaryDirectory

  /// Starts `count` copies of a program, of the tiny one unless another is named; each opens
  /// /dev/null anew as each of `descriptors`, so that no two share an open file.
  init(_ count: Int, opening descriptors: [Int32] = [], program: String? = nil) throws {
    directory = try TemporaryDirectory()
    let path = program ?? "\(directory.path)/waiter"
    if program == nil { try TinyProgram.write(to: path) }
    // No child gets the end for writing, so reading ends when this process has gone.
    lifeline = try makePipe()
    pids.reserveCapacity(count)
    do {
      for _ in 0..<count { pids.append(try start(path, descriptors)) }
    } catch {
      release()
      throw error
    }
  }

  func release() {
    close(lifeline.write)
    // SAFETY: no status is asked for.
    for pid in pids { while waitpid(pid, nil, 0) == -1 && errno == EINTR {} }
    directory.release()
  }

  /// posix_spawn does not copy the page tables of this process, as fork would.
  private func start(_ path: String, _ descriptors: [Int32]) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    // SAFETY: initialised here and destroyed when the child has been started.
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, lifeline.read, STDIN_FILENO)
    for descriptor in descriptors {
      posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
    }
    var pid: pid_t = 0
    var name = Array("waiter".utf8CString)
    // SAFETY: the name outlives the call, which copies it.
    let result = name.withUnsafeMutableBufferPointer {
      posix_spawn(&pid, path, &actions, nil, [$0.baseAddress, nil], [nil])
    }
    guard result == 0 else { throw SystemError(call: "posix_spawn", code: result) }
    return pid
  }
}
