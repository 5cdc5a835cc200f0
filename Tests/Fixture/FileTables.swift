import Glibc

/// `file-tables [headless]`: a thread that shares the first one's descriptors, one that has its own,
/// and one that shares those; with `headless` the first thread has exited.
func fileTables(_ arguments: [String]) throws -> KnownState {
  let isHeadless = arguments.first == "headless"
  let directory = try TemporaryDirectory()
  let shared = try openFile(try directory.file("shared", size: 11))
  let leader = pthread_self()
  let (sharer, reports) = (try makePipe(), try makePipe())
  try startThread {
    writeAll("\(linuxGettid())\n", to: sharer.write)
    // Not before the other threads are there, or the first waits for ever.
    let own = line(of: reports.read).split(separator: " ")
    guard isHeadless, own.count == 3 else { sleepForEver() }
    do {
      // SAFETY: the leader is joinable; the kernel wakes this thread as the leader goes.
      pthread_join(leader, nil)
      try waitUntilZombie(getpid())
    } catch {
      complain("kiter-fixture file-tables: \(error)")
      exit(1)
    }
    reportAndWait(state(directory, shared, sharer: "\(linuxGettid())", own))
  }
  let sharerTid = line(of: sharer.read)
  let answers = isHeadless ? reports : try makePipe()
  try startThread { leaveTable(directory, shared, reportTo: answers.write) }
  if isHeadless {
    // Not pthread_exit, which unwinds the stack through Swift frames.
    _ = linuxCall(CallNumber.exit, 0, 0, 0, 0, 0)
  }
  let own = line(of: answers.read).split(separator: " ")
  return state(directory, shared, sharer: sharerTid, own)
}

/// Takes a copy of the table, changes it, and starts a thread that shares it; reports the tids of
/// both and the descriptor.
private func leaveTable(_ directory: TemporaryDirectory, _ shared: Int32, reportTo pipe: Int32) {
  do {
    try check("unshare", linuxUnshare(Linux.cloneFiles))
    close(shared)
    let own = try openFile(try directory.file("own", size: 22), O_RDWR)
    let tid = linuxGettid()
    try startThread {
      writeAll("\(tid) \(linuxGettid()) \(own)\n", to: pipe)
      sleepForEver()
    }
    sleepForEver()
  } catch {
    complain("kiter-fixture file-tables: \(error)")
    exit(1)
  }
}

private func state(
  _ directory: TemporaryDirectory, _ shared: Int32, sharer: String, _ own: [Substring]
) -> KnownState {
  KnownState(
    facts: [
      "shared_fd": .number(shared), "shared_path": .string("\(directory.path)/shared"),
      "sharer_tid": .digits(sharer), "own_fd": .digits(String(own[2])),
      "own_path": .string("\(directory.path)/own"), "owner_tid": .digits(String(own[0])),
      "second_owner_tid": .digits(String(own[1])),
    ],
    resources: [directory])
}

/// Reads to the end of the line.
private func line(of descriptor: Int32) -> String {
  var line: [UInt8] = []
  var byte: UInt8 = 0
  // SAFETY: one byte is read into one byte.
  while read(descriptor, &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
  return String(decoding: line, as: UTF8.self)
}
