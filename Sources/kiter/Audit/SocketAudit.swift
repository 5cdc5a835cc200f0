import IteratorCatalog

/// Sockets of a kind in this network namespace that only the kernel's walk or only sock_diag(7) shows.
struct SocketAudit {
  /// A socket's number that is never used again, and what a user would call it.
  typealias Description = (cookie: UInt64, name: String)

  let kind: DiagnosedKind
  /// Reads the sockets that the kernel's walk shows.
  let walk: () throws -> [Description]

  init(_ kind: DiagnosedKind, walk: @escaping () throws -> [Description]) {
    self.kind = kind
    self.walk = walk
  }

  init(_ kind: DiagnosedKind, _ tables: AuditTables) {
    self.init(kind) { try Self.walk(kind, tables) }
  }

  func look() throws -> [AuditFinding] {
    var names: [UInt64: String] = [:]
    let difference = try ViewDifference {
      let sockets = try walk()
      for (cookie, name) in sockets { names[cookie] = name }
      return Set(sockets.map { SeenObject(number: $0.cookie) })
    } _: {
      let sockets = try SocketDiagnosis.sockets(kind)
      for socket in sockets { names[socket.cookie] = socket.name }
      return Set(sockets.map { SeenObject(number: $0.cookie) })
    }
    return difference.onlyFirst.map {
      finding(.socketNotInNetlink, $0, names, "the kernel's walk shows it; sock_diag(7) does not")
    }
      + difference.onlySecond.map {
        finding(
          .socketOnlyInNetlink, $0, names, "sock_diag(7) shows it; the kernel's walk does not")
      }
  }

  private static func walk(_ kind: DiagnosedKind, _ tables: AuditTables) throws -> [Description] {
    let columns: [SocketsRecord.Column] = [
      .cookie, .localAddress, .localPort, .remoteAddress, .remotePort, .path, .netlinkProtocol,
      .portId, .inode,
    ]
    let sockets = try tables.read(SocketsRecord.self, columns, programs: [kind.rawValue])
    return sockets.compactMap { socket in
      guard let cookie = socket.cookie, isListed(socket, kind) else { return nil }
      let inode = "inode \(socket.inode ?? 0)"
      return (cookie, "\(kind) \(place(of: socket, kind)) \(inode)")
    }
  }

  /// unix_diag leaves out what has no inode: who has connected, and has not been accepted.
  private static func isListed(_ socket: SocketsRecord, _ kind: DiagnosedKind) -> Bool {
    kind != .unix || socket.inode ?? 0 != 0
  }

  private static func place(of socket: SocketsRecord, _ kind: DiagnosedKind) -> String {
    switch kind {
    case .unix: return socket.path.map { "at \($0)," } ?? "without a name,"
    case .netlink:
      return "\(socket.netlinkProtocol ?? "?"), port \(socket.portId ?? 0),"
    case .tcp, .udp:
      let local = "\(socket.localAddress ?? "?"), port \(socket.localPort ?? 0)"
      guard let address = socket.remoteAddress else { return "at \(local)," }
      return "at \(local), to \(address), port \(socket.remotePort ?? 0),"
    }
  }

  private func finding(
    _ sort: AuditFinding.Sort, _ socket: SeenObject, _ names: [UInt64: String], _ evidence: String
  ) -> AuditFinding {
    AuditFinding(
      sort, object: names[socket.number] ?? "socket",
      evidence: "\(evidence) (cookie 0x\(String(socket.number, radix: 16)))",
      identity: [socket.number])
  }
}
