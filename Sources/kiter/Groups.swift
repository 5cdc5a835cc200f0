import KernelIterators
import RecordSchema

/// The number of a group: of its name in /etc/group, or the number itself.
///
/// - Throws: `PinUsageError` for a name that is not there.
func groupNumber(_ name: String) throws(PinUsageError) -> UInt32 {
  if let number = UInt32(name) { return number }
  guard let file = fileContents("/etc/group") else {
    throw PinUsageError("/etc/group cannot be read; give the group \"\(name)\" as a number")
  }
  let groups = NameTable(passwd: file)
  if let number = groups.number(of: name) { return UInt32(truncatingIfNeeded: number) }
  throw PinUsageError(
    "there is no group \"\(name)\" in /etc/group; make it (groupadd \(name)) or give a number")
}

/// Owner and group as chown(1) takes them: "root:kiter"; numbers where there are no names to be had.
func ownerAndGroup(_ access: PinAccess) -> String {
  let users = NameTable(passwd: fileContents("/etc/passwd") ?? [])
  let groups = NameTable(passwd: fileContents("/etc/group") ?? [])
  let owner = users.name(UInt64(access.owner)) ?? "\(access.owner)"
  let group = groups.name(UInt64(access.group)) ?? "\(access.group)"
  return "\(owner):\(group)"
}
