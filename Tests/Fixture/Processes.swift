import Glibc

/// `zombie`: a child has exited with status 7 and nobody has asked for it.
func zombie(_ arguments: [String]) throws -> KnownState {
  let child = try Child { _exit(7) }
  var information = siginfo_t()
  // SAFETY: waitid fills the structure; WNOWAIT leaves the child as it is.
  try check("waitid", waitid(P_PID, id_t(child.pid), &information, WEXITED | WNOWAIT))
  return KnownState(facts: ["zombie_pid": .number(child.pid)], resources: [child])
}

/// `traced`: a child that this process traces and has not stopped.
func traced(_ arguments: [String]) throws -> KnownState {
  let child = try Child { sleepForEver() }
  let seize = 0x4206
  try check("ptrace", linuxPtrace(seize, Int(child.pid), 0, 0))
  return KnownState(
    facts: ["tracer_pid": .number(getpid()), "traced_pid": .number(child.pid)], resources: [child])
}

/// `tty`: a child that leads a session with a terminal of its own.
func terminal(_ arguments: [String]) throws -> KnownState {
  var (controller, terminal): (Int32, Int32) = (-1, -1)
  // SAFETY: both descriptors are stored; name, modes and size are not asked for.
  try check("openpty", openpty(&controller, &terminal, nil, nil, nil))
  let name = try linkTarget("/proc/self/fd/\(terminal)")
  var status = stat()
  // SAFETY: fstat fills the structure.
  try check("fstat", fstat(terminal, &status))
  let ready = try Announcement()
  let child = try Child {
    try check("setsid", setsid())
    let setControlling: UInt = 0x540e
    try check("ioctl TIOCSCTTY", ioctl(terminal, setControlling, 0))
    ready.send("\(tcgetpgrp(terminal))")
    sleepForEver()
  }
  let foreground = ready.receive()
  return KnownState(
    facts: [
      "tty_hex": .hex(name), "tty_rdev": .number(status.st_rdev), "child_pid": .number(child.pid),
      "child_sid": .number(try check("getsid", getsid(child.pid))),
      "child_pgid": .number(try check("getpgid", getpgid(child.pid))),
      "foreground_pgid": .digits(foreground),
    ],
    resources: [child])
}

/// `churn N`: a child that without end starts N processes and collects them.
func churn(_ arguments: [String]) throws -> KnownState {
  let count = try number(arguments, at: 0, default: 20)
  let churner = try Child {
    while true {
      for _ in 0..<count where linuxFork() == 0 { _exit(0) }
      // SAFETY: no status is asked for. Ends when no child is left.
      while waitpid(-1, nil, 0) > 0 || errno == EINTR {}
    }
  }
  return KnownState(facts: ["churner_pid": .number(churner.pid)], resources: [churner])
}

/// `many N [FILES [PROGRAM]]`: N children that wait, each with FILES more descriptors than it would
/// have. PROGRAM is a path to run instead of the smallest one; it must end when its input does.
func manyProcesses(_ arguments: [String]) throws -> KnownState {
  let count = try number(arguments, at: 0)
  let files = try number(arguments, at: 1, default: 0)
  try raiseLimits(files: files)
  let descriptors = try (0..<files).map { _ in try openFile("/dev/null", O_RDWR) }
  let program = arguments.count > 2 ? arguments[2] : nil
  let crowd = try Crowd(count, opening: descriptors, program: program)
  return KnownState(
    facts: [
      "children": .number(count), "files": .number(files),
      "first_file": descriptors.first.map { .number($0) } ?? .null,
      "pids": .array(crowd.pids.map { .number($0) }),
    ],
    resources: [crowd])
}

/// Lifts what would stop so many processes and files, as far as this user may.
func raiseLimits(files: Int) throws {
  let fileLimit = Int32(RLIMIT_NOFILE.rawValue)
  var limit = rlimit()
  // SAFETY: the structure is local, here and below.
  try check("getrlimit", getrlimit(fileLimit, &limit))
  limit.rlim_cur = max(limit.rlim_cur, rlim_t(files + 64))
  limit.rlim_max = max(limit.rlim_max, limit.rlim_cur)
  try check("setrlimit", setrlimit(fileLimit, &limit))
  let processLimit: Int32 = 6
  var unlimited = rlimit(rlim_cur: rlim_t.max, rlim_max: rlim_t.max)
  // Root is not held to this limit, so a refusal is no error.
  _ = setrlimit(processLimit, &unlimited)
}

/// `identify N`: N processes, each with a token of its own in name, arguments and directory.
func identify(_ arguments: [String]) throws -> KnownState {
  let count = try number(arguments, at: 0)
  let directory = try TemporaryDirectory()
  let ready = try makePipe(0)
  var facts: [JSON] = []
  var children: [Child] = []
  for index in 0..<count {
    let digits = String(index)
    let token = "token" + String(repeating: "0", count: 6 - min(6, digits.count)) + digits
    let home = "\(directory.path)/\(token)"
    try check("mkdir", mkdir(home, 0o700))
    let child = try Child {
      close(ready.read)
      try check("chdir", chdir(home))
      try executeSelf(
        ["kiter-fixture", "identified", token, "\(ready.write)"].map { Array($0.utf8) })
    }
    children.append(child)
    facts.append(["pid": .number(child.pid), "token": .string(token), "cwd": .string(home)])
  }
  close(ready.write)
  var byte: UInt8 = 0
  // SAFETY: one byte is read into one byte. The end comes when every child has closed its side.
  while read(ready.read, &byte, 1) != 0 {}
  return KnownState(facts: ["processes": .array(facts)], resources: [directory] + children)
}

/// `identified TOKEN FD`: one of the processes of `identify`; closing FD says that it is ready.
func identified(_ arguments: [String]) throws -> KnownState {
  guard let token = arguments.first else { throw UsageError(expected: "what `identify` passes") }
  try setName(Array(token.utf8))
  close(Int32(try number(arguments, at: 1)))
  sleepForEver()
}

/// `shared-memory`: a child that has the memory of its parent, as between vfork(2) and execve(2).
func sharedMemory(_ arguments: [String]) throws -> KnownState {
  let answer = try makePipe()
  try startThread {
    let (shareMemory, holdParent) = (0x100, 0x4000)
    let flags = shareMemory | holdParent | Int(SIGCHLD)
    // This thread stands still, while the child runs on its stack, until the child ends: not before
    // this process does, for the thread has lost the way back.
    guard linuxCall(CallNumber.clone, flags, 0, 0, 0, 0) == 0 else { _exit(1) }
    _ = linuxPrctl(Linux.prSetDeathSignal, UInt(SIGKILL), 0, 0, 0)
    writeAll("\(getpid())", to: answer.write)
    sleepForEver()
  }
  var buffer = [UInt8](repeating: 0, count: 32)
  // SAFETY: read is given the size of the buffer.
  let count = try check("read", read(answer.read, &buffer, buffer.count))
  return KnownState(
    facts: ["sharer_pid": .digits(String(decoding: buffer.prefix(count), as: UTF8.self))])
}
