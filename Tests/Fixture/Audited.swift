import Glibc

/// `code`: executable memory that is in no file, each sort once.
func suspiciousCode(_ arguments: [String]) throws -> KnownState {
  let directory = try TemporaryDirectory()
  let size = 4096
  let both = PROT_READ | PROT_WRITE | PROT_EXEC
  let code = PROT_READ | PROT_EXEC
  let memory = try check("memfd_create", linuxMemfd("fixture code", 0))
  try check("ftruncate", ftruncate(memory, size))
  let path = try directory.file("library", size: size)
  let library = try openFile(path)
  try check("unlink", unlink(path))
  // A file that is there, although its name says otherwise.
  let kept = try openFile(try directory.file("kept (deleted)", size: size))
  return KnownState(
    facts: [
      "writable": try map(size, both, MAP_PRIVATE | 0x20, -1),
      "memfd": try map(size, code, MAP_SHARED, memory),
      "deleted": try map(size, code, MAP_PRIVATE, library), "deleted_path": .string(path),
      "kept": try map(size, code, MAP_PRIVATE, kept),
    ],
    resources: [directory])
}

private func map(_ size: Int, _ protection: Int32, _ flags: Int32, _ file: Int32) throws -> JSON {
  // SAFETY: the kernel chooses the place.
  let start = mmap(nil, size, protection, flags, file, 0)
  return .number(UInt(bitPattern: try check("mmap", Int(bitPattern: start))))
}

/// `traced-by-stranger`: a child whose brother traces it, and does not stop it.
func tracedByStranger(_ arguments: [String]) throws -> KnownState {
  let traced = try Child { sleepForEver() }
  let ready = try Announcement()
  let tracer = try Child {
    let seize = 0x4206
    try check("ptrace", linuxPtrace(seize, Int(traced.pid), 0, 0))
    ready.send("seized")
    sleepForEver()
  }
  guard ready.receive() == "seized" else { throw SystemError(call: "ptrace", code: EPERM) }
  return KnownState(
    facts: ["traced_pid": .number(traced.pid), "tracer_pid": .number(tracer.pid)],
    resources: [tracer, traced])
}
