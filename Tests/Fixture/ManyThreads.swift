import Glibc

/// `many-threads PROCESSES THREADS`: processes that wait, each with so many threads, the first among
/// them.
func manyThreads(_ arguments: [String]) throws -> KnownState {
  let processes = try number(arguments, at: 0)
  let threads = try number(arguments, at: 1)
  let children = try (0..<processes).map { _ in
    let ready = try Announcement()
    let child = try Child {
      for _ in 1..<threads { try startSmallThread() }
      ready.send("started")
      sleepForEver()
    }
    guard ready.receive() == "started" else {
      throw SystemError(call: "pthread_create", code: EAGAIN)
    }
    return child
  }
  return KnownState(
    facts: ["pids": .array(children.map { .number($0.pid) })], resources: children)
}

/// A thread that waits, with hardly a stack and no page between it and the next one's: a process may
/// have only some 65,000 mappings.
private func startSmallThread() throws(SystemError) {
  var attributes = pthread_attr_t()
  var thread = pthread_t()
  // SAFETY: the structures are local, and the kernel keeps none of them.
  pthread_attr_init(&attributes)
  pthread_attr_setstacksize(&attributes, 64 << 10)
  pthread_attr_setguardsize(&attributes, 0)
  let code = pthread_create(
    &thread, &attributes,
    { _ in
      while true { pause() }
    }, nil)
  pthread_attr_destroy(&attributes)
  if code != 0 { throw SystemError(call: "pthread_create", code: code) }
}
