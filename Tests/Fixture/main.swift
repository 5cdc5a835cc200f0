import Glibc

/// What each state is called, and the function that creates it.
let states: [String: ([String]) throws -> KnownState] = [
  "sleep": idle,
  "names": renamed,
  "named": keepName,
  "cmdline": longCommandLine,
  "sized": keepCommandLine,
  "longpath": longPath,
  "files": openFiles,
  "identity": identity,
  "signals": signals,
  "scheduler": scheduler,
  "threads": threads,
  "own-files": ownFiles,
  "zombie-leader": zombieLeader,
  "file-tables": fileTables,
  "zombie": zombie,
  "shared-memory": sharedMemory,
  "memory": memory,
  "sockets": sockets,
  "socket-options": socketOptions,
  "shared-sockets": sharedSockets,
  "held-networks": heldNetworks,
  "namespaces": namespaces,
  "family": family,
  "traced": traced,
  "traced-by-stranger": tracedByStranger,
  "code": suspiciousCode,
  "tty": terminal,
  "churn": churn,
  "many": manyProcesses,
  "many-threads": manyThreads,
  "tcp": manyConnections,
  "hold-mmap-lock": holdMmapLock,
  "identify": identify,
  "identified": identified,
  "links": links,
  "socket-maps": socketMaps,
  "storm": storm,
  "refuse": refuse,
]

guard let name = CommandLine.arguments.dropFirst().first, let create = states[name] else {
  // The rest are second halves of states, which only this program asks for.
  let names = states.keys.filter { !["named", "sized", "identified"].contains($0) }.sorted()
  complain("usage: kiter-fixture \(names.joined(separator: "|")) [argument ...]")
  exit(64)
}
do {
  let state = try create(Array(CommandLine.arguments.dropFirst(2)))
  reportAndWait(state)
} catch let error as UsageError {
  complain("kiter-fixture \(name): expected \(error.expected)")
  exit(64)
} catch {
  complain("kiter-fixture \(name): \(error)")
  exit(1)
}
