import Glibc

/// `scheduler [fifo]`: a policy other than the usual one, on processor 0 alone.
func scheduler(_ arguments: [String]) throws -> KnownState {
  guard arguments.isEmpty || arguments == ["fifo"] else { throw UsageError(expected: "[fifo]") }
  let isRealTime = !arguments.isEmpty
  let batch: Int32 = 3
  let policy = isRealTime ? SCHED_FIFO : batch
  var parameters = sched_param()
  parameters.sched_priority = isRealTime ? 3 : 0
  // SAFETY: the parameters are a local structure.
  try check("sched_setscheduler", sched_setscheduler(0, policy, &parameters))
  let processors: [UInt] = [1]
  // SAFETY: the mask has the size that is passed.
  try check("sched_setaffinity", linuxSetAffinity(0, MemoryLayout<UInt>.size, processors))
  return KnownState(facts: [
    "policy": .number(policy), "rt_priority": .number(parameters.sched_priority),
    "nice": .number(getpriority(Int32(PRIO_PROCESS.rawValue), 0)), "cpus_allowed": 1,
  ])
}
