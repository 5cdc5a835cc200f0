import Glibc

/// Makes a network device in the namespace of this process, through rtnetlink(7).
func makeDevice(_ name: String, kind: String) throws(SystemError) {
  let socket = try openSocket(AF_NETLINK, Int32(SOCK_RAW.rawValue))
  defer { close(socket) }
  // IFLA_IFNAME, and in IFLA_LINKINFO an IFLA_INFO_KIND; before them a struct ifinfomsg.
  let attributes =
    attribute(3, Array("\(name)\0".utf8))
    + attribute(18, attribute(1, Array("\(kind)\0".utf8)))
  // RTM_NEWLINK that makes a new one, and asks for an answer.
  let header = Attributes(size: 32).with(32 + attributes.count, at: 0).with(0x605_0010, at: 4)
  let message = header.bytes + attributes
  // SAFETY: the array has the count that is passed.
  try check("send", send(socket, message, message.count, 0))
  var answer = [UInt8](repeating: 0, count: 4096)
  // SAFETY: recv is given the size of the array.
  try check("recv", recv(socket, &answer, answer.count, 0))
  // SAFETY: an answer has a header of 16 bytes and a negated error number.
  let code = answer.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 16, as: Int32.self) }
  guard code == 0 else { throw SystemError(call: "RTM_NEWLINK", code: -code) }
}

/// A struct nlattr with its content, padded to four bytes.
private func attribute(_ type: Int, _ content: [UInt8]) -> [UInt8] {
  let size = 4 + content.count
  let header = Attributes(size: 4).with(type << 16 | size, at: 0).bytes
  return header + content + [UInt8](repeating: 0, count: (4 - size % 4) % 4)
}
