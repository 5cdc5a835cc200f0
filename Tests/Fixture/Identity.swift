import Glibc

/// `identity`: every number that says who a process is, each different from the others.
func identity(_ arguments: [String]) throws -> KnownState {
  // Files under /proc/self stop being ours once the ids change, so these go first.
  try writeFile("/proc/self/oom_score_adj", "345")
  try check("setpriority", setpriority(Int32(PRIO_PROCESS.rawValue), 0, 7))
  let groups: [gid_t] = [2001, 2002, 2003, 70_000]
  // SAFETY: the list has the length that is passed.
  try check("setgroups", linuxSetgroups(groups.count, groups))
  try dropBounding([Capability.sysTime, Capability.sysBoot])
  try keepCapabilitiesAcrossIds()
  let gids = try setGroupIds(IDs(real: 3001, effective: 3002, saved: 3003, fileSystem: 3004))
  let uids = try setUserIds(IDs(real: 4001, effective: 4002, saved: 4003, fileSystem: 4001))
  let sets = try reduceCapabilities()
  try prctl(Linux.prSetNoNewPrivileges, 1)
  try allowAllFilter()
  return KnownState(facts: [
    "oom_score_adj": 345, "nice": 7, "groups": .array(groups.map { .number($0) }),
    "uids": uids.json, "gids": gids.json, "capabilities": sets,
    "no_new_privs": true, "seccomp_mode": 2, "seccomp_filters": 1,
  ])
}

extension JSON: ExpressibleByIntegerLiteral {
  init(integerLiteral value: Int) { self = .number(value) }
}

/// The four ids of one sort that a process has.
private struct IDs {
  let real, effective, saved, fileSystem: UInt32

  var json: JSON {
    [
      "real": .number(real), "effective": .number(effective), "saved": .number(saved),
      "fs": .number(fileSystem),
    ]
  }
}

private func setGroupIds(_ ids: IDs) throws -> IDs {
  try check("setresgid", linuxSetresgid(ids.real, ids.effective, ids.saved))
  _ = linuxSetfsgid(ids.fileSystem)
  try confirm("setfsgid", linuxSetfsgid(gid_t.max), ids.fileSystem)
  return ids
}

private func setUserIds(_ ids: IDs) throws -> IDs {
  try check("setresuid", linuxSetresuid(ids.real, ids.effective, ids.saved))
  _ = linuxSetfsuid(ids.fileSystem)
  try confirm("setfsuid", linuxSetfsuid(uid_t.max), ids.fileSystem)
  return ids
}

/// setfsuid and setfsgid report no error: they answer the id before the call.
private func confirm(_ call: String, _ answer: Int32, _ expected: UInt32) throws {
  guard UInt32(bitPattern: answer) == expected else { throw SystemError(call: call, code: EPERM) }
}

/// The numbers of some capabilities.
private enum Capability {
  static let chown: UInt = 0
  static let kill: UInt = 5
  static let netBindService: UInt = 10
  static let netRaw: UInt = 13
  static let sysBoot: UInt = 22
  static let sysTime: UInt = 25
}

private func dropBounding(_ capabilities: [UInt]) throws {
  for capability in capabilities { try prctl(Linux.prCapabilityBoundingDrop, capability) }
}

/// Without this the kernel clears the sets as the user ids leave zero.
private func keepCapabilitiesAcrossIds() throws {
  let noSetuidFixup: UInt = 1 << 2
  try prctl(Linux.prSetSecureBits, noSetuidFixup)
}

/// Leaves different sets in each of the five places, and answers them.
private func reduceCapabilities() throws -> JSON {
  let inheritable = mask([Capability.kill, Capability.netBindService])
  let effective = mask([Capability.chown, Capability.netBindService])
  let permitted = effective | inheritable | mask([Capability.netRaw])
  try setCapabilities(effective: effective, permitted: permitted, inheritable: inheritable)
  let raise: UInt = 2
  try prctl(Linux.prCapabilityAmbient, raise, Capability.netBindService)
  return [
    "effective": .number(effective), "permitted": .number(permitted),
    "inheritable": .number(inheritable), "ambient": .number(mask([Capability.netBindService])),
    "bounding": .number(try boundingSet()),
  ]
}

private func mask(_ capabilities: [UInt]) -> UInt64 {
  capabilities.reduce(0) { $0 | 1 << UInt64($1) }
}

/// The bounding set, asked for bit by bit; a number that the kernel does not know is an error.
private func boundingSet() throws -> UInt64 {
  let read: Int32 = 23
  return (0..<UInt(64)).reduce(0) {
    $0 | (linuxPrctl(read, $1, 0, 0, 0) == 1 ? 1 << UInt64($1) : 0)
  }
}

private func setCapabilities(effective: UInt64, permitted: UInt64, inheritable: UInt64) throws {
  let version3: UInt32 = 0x2008_0522
  let header: [UInt32] = [version3, 0]
  let sets = [effective, permitted, inheritable]
  let data = sets.map { UInt32(truncatingIfNeeded: $0) } + sets.map { UInt32($0 >> 32) }
  // SAFETY: version 3 takes a header of two words and twice three words of data.
  try check("capset", linuxCapset(header, data))
}

/// Installs a seccomp filter of one instruction, which allows every call.
private func allowAllFilter() throws {
  // struct sock_filter { u16 code = BPF_RET; u8 jt, jf; u32 k = SECCOMP_RET_ALLOW; }
  let instruction: [UInt64] = [UInt64(0x7fff_0000) << 32 | 0x06]
  let filterMode: UInt = 2
  // SAFETY: struct sock_fprog is a count, padded to a pointer; both live through the call.
  let result = instruction.withUnsafeBytes { code in
    [UInt(1), UInt(bitPattern: code.baseAddress)].withUnsafeBytes { program in
      linuxPrctl(
        Linux.prSetSeccomp, filterMode, UInt(bitPattern: program.baseAddress), 0, 0)
    }
  }
  try check("prctl(PR_SET_SECCOMP)", result)
}
