import Glibc

/// `threads N`: N named threads that wait, after one more has used the processor and gone.
func threads(_ arguments: [String]) throws -> KnownState {
  let count = try number(arguments, at: 0, default: 4)
  let burnt = try burnInThread(milliseconds: 50)
  let workers = try (0..<count).map { try Worker(name: "worker-\($0)", switches: 20) }
  return KnownState(
    facts: [
      "threads": .array(workers.map(\.facts)), "exited_thread_ns": .number(burnt),
      "usage": usageOfProcess(),
    ],
    resources: workers)
}

/// `own-files N`: N threads that do not share the open files of the first.
func ownFiles(_ arguments: [String]) throws -> KnownState {
  let tids = try (0..<number(arguments, at: 0, default: 2)).map { _ in try threadWithOwnFiles() }
  return KnownState(facts: ["tids": .array(tids)])
}

private func threadWithOwnFiles() throws -> JSON {
  let answer = try makePipe()
  try startThread {
    let result = linuxUnshare(Linux.cloneFiles)
    writeAll(result == 0 ? "\(linuxGettid())" : "", to: answer.write)
    sleepForEver()
  }
  var buffer = [UInt8](repeating: 0, count: 32)
  // SAFETY: read is given the size of the buffer.
  let count = try check("read", read(answer.read, &buffer, buffer.count))
  return .digits(String(decoding: buffer.prefix(count), as: UTF8.self))
}

/// `zombie-leader N`: the first thread has gone, another lives on and holds files; N more wait.
func zombieLeader(_ arguments: [String]) throws -> KnownState {
  let directory = try TemporaryDirectory()
  for _ in 0..<(try number(arguments, at: 0, default: 0)) { try startThread { sleepForEver() } }
  let leader = pthread_self()
  try startThread {
    do {
      try setName(Array("survivor".utf8))
      // SAFETY: the leader is joinable; the kernel wakes this thread as the leader goes.
      pthread_join(leader, nil)
      try waitUntilZombie(getpid())
      let file = try openFile(try directory.file("held", size: 55))
      reportAndWait(
        KnownState(
          facts: [
            "survivor_tid": .number(linuxGettid()), "fd": .number(file),
            "path": .string("\(directory.path)/held"),
            "path_inode": .number(try inode("\(directory.path)/held")),
          ],
          resources: [directory]))
    } catch {
      complain("kiter-fixture zombie-leader: \(error)")
      exit(1)
    }
  }
  // Not pthread_exit, which unwinds the stack through Swift frames.
  _ = linuxCall(CallNumber.exit, 0, 0, 0, 0, 0)
  fatalError("a thread came back from its exit")
}

/// A thread that waits until the process ends.
private final class Worker {
  let facts: JSON

  /// Starts the thread and makes it wait for this one about as many times as asked.
  init(name: String, switches: Int) throws {
    let requests = try makePipe()
    let answers = try makePipe()
    try startThread {
      try? setName(Array(name.utf8))
      var byte: UInt8 = 0
      // SAFETY: one byte is read into one byte; each read of an empty pipe gives up the processor.
      while read(requests.read, &byte, 1) == 1 {
        writeAll(byte == 0 ? "." : report(), to: answers.write)
      }
    }
    for _ in 0..<switches { _ = Self.ask(0, requests.write, answers.read) }
    let answer = Self.ask(1, requests.write, answers.read).split(separator: " ")
    facts = [
      "name": .string(name), "tid": .digits(String(answer[0])),
      "voluntary_switches": .digits(String(answer[1])),
    ]
  }

  private static func ask(_ request: UInt8, _ requests: Int32, _ answers: Int32) -> String {
    writeAll([request], to: requests)
    var buffer = [UInt8](repeating: 0, count: 64)
    // SAFETY: read is given the size of the buffer.
    let count = max(0, read(answers, &buffer, buffer.count))
    return String(decoding: buffer.prefix(count), as: UTF8.self)
  }
}

/// The number of this thread and how often it gave up the processor.
private func report() -> String {
  let thread: Int32 = 1
  var usage = rusage()
  // SAFETY: getrusage fills the structure.
  getrusage(thread, &usage)
  return "\(linuxGettid()) \(usage.ru_nvcsw)"
}

/// Starts a detached thread.
func startThread(_ body: @escaping () -> Void) throws {
  let context = Unmanaged.passRetained(ThreadBody(body))
  var thread = pthread_t()
  // SAFETY: the thread takes over the one reference to the body.
  let result = pthread_create(
    &thread, nil,
    { context in
      if let context { Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run() }
      return nil
    }, context.toOpaque())
  guard result == 0 else { throw SystemError(call: "pthread_create", code: result) }
  pthread_detach(thread)
}

private final class ThreadBody {
  let run: () -> Void
  init(_ run: @escaping () -> Void) { self.run = run }
}

/// Uses the processor in a thread that ends; answers the nanoseconds that it took.
private func burnInThread(milliseconds: Int) throws -> Int {
  let done = try makePipe()
  defer { close(done.read) }
  try startThread {
    try? setName(Array("burner".utf8))
    while threadNanoseconds() < milliseconds * 1_000_000 {}
    writeAll("\(threadNanoseconds())", to: done.write)
    close(done.write)
  }
  var buffer = [UInt8](repeating: 0, count: 32)
  // SAFETY: read is given the size of the buffer.
  let count = read(done.read, &buffer, buffer.count)
  try waitUntilAlone()
  return Int(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)) ?? 0
}

private func threadNanoseconds() -> Int {
  var time = timespec()
  // SAFETY: clock_gettime fills the structure.
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Waits until this is the only thread; the kernel tells nobody that a thread is fully gone.
private func waitUntilAlone() throws {
  var status = stat()
  repeat {
    sched_yield()
    // SAFETY: stat fills the structure. A directory has two links and one per subdirectory.
    try check("stat", stat("/proc/self/task", &status))
  } while status.st_nlink > 3
}

/// Waits until the kernel shows the process as a zombie, which is soon after it has exited.
func waitUntilZombie(_ pid: pid_t) throws {
  var text: [UInt8] = []
  repeat {
    sched_yield()
    let file = try openFile("/proc/\(pid)/stat")
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 512)
    // SAFETY: read is given the size of the buffer.
    let count = read(file, &buffer, buffer.count)
    text = Array(buffer.prefix(max(0, count)))
  } while !text.contains(UInt8(ascii: "Z"))
}

/// What the process has used up so far.
private func usageOfProcess() -> JSON {
  var usage = rusage()
  // SAFETY: getrusage fills the structure.
  getrusage(RUSAGE_SELF.rawValue, &usage)
  return [
    "utime_us": .number(usage.ru_utime.tv_sec * 1_000_000 + Int(usage.ru_utime.tv_usec)),
    "stime_us": .number(usage.ru_stime.tv_sec * 1_000_000 + Int(usage.ru_stime.tv_usec)),
    "max_rss_kib": .number(usage.ru_maxrss), "minor_faults": .number(usage.ru_minflt),
    "major_faults": .number(usage.ru_majflt), "voluntary_switches": .number(usage.ru_nvcsw),
    "involuntary_switches": .number(usage.ru_nivcsw),
  ]
}
