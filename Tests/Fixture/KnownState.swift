import Glibc

/// The state that this process made: what is known of it, and what it must keep while it lasts.
struct KnownState {
  let facts: JSON
  var resources: [AnyObject] = []
}

/// Prints the facts as one line, keeps the state until standard input ends, and leaves.
func reportAndWait(_ state: KnownState) -> Never {
  let facts = state.facts.merging(["pid": .number(getpid())])
  writeAll(facts.text + "\n", to: STDOUT_FILENO)
  withExtendedLifetime(state.resources) { waitForEndOfInput() }
  // `exit` runs no deinitializers, so the resources go here.
  for resource in state.resources { (resource as? any Resource)?.release() }
  exit(0)
}

/// Something outside this process that has to be undone.
protocol Resource: AnyObject {
  func release()
}

private func waitForEndOfInput() {
  var byte: UInt8 = 0
  // SAFETY: one byte is read into one byte.
  while true {
    let count = read(STDIN_FILENO, &byte, 1)
    if count == 0 || (count < 0 && errno != EINTR) { return }
  }
}

/// A directory of this run, removed with all that is in it.
final class TemporaryDirectory: Resource {
  let path: String

  init(parent: String = "/tmp") throws(SystemError) {
    var template = Array("\(parent)/kiter-fixture-XXXXXX".utf8CString)
    // SAFETY: mkdtemp changes the NUL-terminated template in place.
    guard mkdtemp(&template) != nil else { throw SystemError(call: "mkdtemp", code: errno) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Makes a file of `size` bytes and answers its path.
  func file(_ name: String, size: Int = 0) throws(SystemError) -> String {
    let path = "\(path)/\(name)"
    let file = try openFile(path, O_CREAT | O_WRONLY)
    defer { close(file) }
    writeAll([UInt8](repeating: 0x2e, count: size), to: file)
    return path
  }

  func release() {
    removeTree(Array(path.utf8))
  }
}

/// Removes a file or a directory with its contents; names are bytes, for they need not be UTF-8.
private func removeTree(_ path: [UInt8]) {
  let name = path.map { CChar(bitPattern: $0) } + [0]
  // `remove` succeeds for all but a directory with contents.
  guard remove(name) != 0, let directory = opendir(name) else { return }
  defer {
    closedir(directory)
    remove(name)
  }
  while let entry = readdir(directory) {
    // SAFETY: d_name ends with a NUL, and is copied before the next readdir.
    let child = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
    if child != Array(".".utf8), child != Array("..".utf8) { removeTree(path + [0x2f] + child) }
  }
}

/// A child process, which dies with this one.
final class Child: Resource {
  let pid: pid_t

  /// Runs `body` in a copy of this process; it must not return to the code of the parent.
  init(_ body: () throws -> Void) throws(SystemError) {
    let parent = getpid()
    // This process has one thread, so the child is whole: no lock is held by a thread it lacks.
    pid = try check("fork", linuxFork())
    guard pid == 0 else { return }
    Self.dieWithParent(parent)
    do { try body() } catch { complain("kiter-fixture child: \(error)") }
    _exit(1)
  }

  /// Kills the child if it still lives, and collects it.
  func release() {
    kill(pid, SIGKILL)
    // SAFETY: no status is asked for.
    while waitpid(pid, nil, 0) == -1 && errno == EINTR {}
  }

  private static func dieWithParent(_ parent: pid_t) {
    _ = linuxPrctl(Linux.prSetDeathSignal, UInt(SIGKILL), 0, 0, 0)
    // The parent may have gone before the line above; in a pid namespace it is out of sight (0).
    if getppid() != parent && getppid() != 0 { _exit(1) }
  }
}

/// Waits for a signal for ever; a child ends when its parent kills it or dies.
func sleepForEver() -> Never {
  while true { pause() }
}

/// A message from a child to its parent that something is done, with an optional payload.
struct Announcement {
  private let ends: (read: Int32, write: Int32)

  init() throws(SystemError) { ends = try makePipe() }

  /// Sends `text` and closes this side.
  func send(_ text: String = "") {
    writeAll(text, to: ends.write)
    close()
  }

  /// Takes no part; the end cannot be received while a process that could send has not closed.
  func close() {
    Glibc.close(ends.write)
    Glibc.close(ends.read)
  }

  /// Waits until all senders have closed, and answers what they sent.
  func receive() -> String {
    Glibc.close(ends.write)
    defer { Glibc.close(ends.read) }
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      // SAFETY: read is given the size of the buffer.
      let count = read(ends.read, &buffer, buffer.count)
      if count > 0 {
        received += buffer.prefix(count)
      } else if count == 0 || errno != EINTR {
        break
      }
    }
    return String(decoding: received, as: UTF8.self)
  }
}
