import Glibc

/// `zombie`: a child has exited with status 7 and nobody has asked for it.
func zombie(_ arguments: [String]) throws -> KnownState {
  let child = try Child { _exit(7) }
  var information = siginfo_t()
  // SAFETY: waitid fills the structure; WNOWAIT leaves the child as it is.
  try check("waitid", waitid(P_PID, id_t(child.pid), &information, WEXITED | WNOWAIT))
  return KnownState(facts: ["zombie_pid": .number(child.pid)], resources: [child])
}
