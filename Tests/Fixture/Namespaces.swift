import Glibc

/// `namespaces`: this process, and for the kinds that only children enter a child, in new ones.
func namespaces(_ arguments: [String]) throws -> KnownState {
  let before = try namespaceInodes("self")
  let kinds: [(name: String, flag: Int32)] = [
    ("uts", Linux.cloneNewUTS), ("ipc", Linux.cloneNewIPC), ("net", Linux.cloneNewNetwork),
    ("mnt", Linux.cloneNewMount), ("cgroup", Linux.cloneNewCgroup), ("pid", Linux.cloneNewPID),
    ("time", Linux.cloneNewTime),
  ]
  var permitted = kinds.filter { linuxUnshare($0.flag) == 0 }.map(\.name)
  let hostName = "kiter-fixture"
  if permitted.contains("uts") {
    try check("sethostname", sethostname(hostName, hostName.utf8.count))
  }
  // Last, because it takes away all rights over the others.
  if linuxUnshare(Linux.cloneNewUser) == 0 {
    try mapRoot()
    permitted.append("user")
  }
  let ready = try Announcement()
  let child = try Child {
    ready.send("\(getpid())")
    sleepForEver()
  }
  let innerPid = ready.receive()
  return KnownState(
    facts: [
      "unshared": .array(permitted.map { .string($0) }), "host_name": .string(hostName),
      "original": before, "namespaces": try namespaceInodes("self"),
      "child_pid": .number(child.pid), "child_inner_pid": .digits(innerPid),
      "child_namespaces": try namespaceInodes("\(child.pid)"),
    ],
    resources: [child])
}

/// The inode number of each namespace of a process, by the name of its link.
private func namespaceInodes(_ process: String) throws -> JSON {
  let names = [
    "cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user",
    "uts",
  ]
  let directory = "/proc/\(process)/ns"
  return .object(
    Dictionary(
      uniqueKeysWithValues: names.compactMap { name in
        // A kernel may lack a kind, or the link for children when there is no child yet.
        (try? inode("\(directory)/\(name)")).map { (name, .number($0)) }
      }))
}

/// Makes this user root in the new user namespace as it is outside, so that files stay accessible.
private func mapRoot() throws {
  try writeFile("/proc/self/setgroups", "deny")
  try writeFile("/proc/self/uid_map", "0 0 1")
  try writeFile("/proc/self/gid_map", "0 0 1")
}
