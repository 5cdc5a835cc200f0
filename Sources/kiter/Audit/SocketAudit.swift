import IteratorCatalog

/// TCP and UDP sockets of this network namespace that only the kernel's walk or only sock_diag(7)
/// shows.
struct SocketAudit {
  /// A socket's number that is never used again, and what a user would call it.
  typealias Description = (cookie: UInt64, name: String)

  /// Reads the sockets that the kernel's walk shows.
  let walk: () throws -> [Description]

  init(walk: @escaping () throws -> [Description]) { self.walk = walk }

  init(_ tables: AuditTables) { self.init { try Self.walk(tables) } }

  func look() throws -> [AuditFinding] {
    var names: [UInt64: String] = [:]
    let difference = try ViewDifference {
      let sockets = try walk()
      for (cookie, name) in sockets { names[cookie] = name }
      return Set(sockets.map { SeenObject(number: $0.cookie) })
    } _: {
      let sockets = try diagnosis()
      for (cookie, name) in sockets { names[cookie] = name }
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

  private static func walk(_ tables: AuditTables) throws -> [Description] {
    let columns: [SocketsRecord.Column] = [
      .cookie, .protocol, .localAddress, .localPort, .remoteAddress, .remotePort, .inode,
    ]
    return try tables.read(SocketsRecord.self, columns).compactMap { socket in
      guard let cookie = socket.cookie, let name = socket.protocol,
        SocketDiagnosis.Transport(name: name) != nil
      else { return nil }
      return (cookie, "\(name) \(ends(of: socket)) inode \(socket.inode ?? 0)")
    }
  }

  private static func ends(of socket: SocketsRecord) -> String {
    let local = "\(socket.localAddress ?? "?"), port \(socket.localPort ?? 0)"
    guard let address = socket.remoteAddress else { return "at \(local)," }
    return "at \(local), to \(address), port \(socket.remotePort ?? 0),"
  }

  private func diagnosis() throws -> [Description] {
    try SocketDiagnosis.Transport.allCases.flatMap { transport in
      try SocketDiagnosis.sockets(transport).map { socket in
        let ports = "port \(socket.localPort), to port \(socket.remotePort)"
        return (socket.cookie, "\(transport) \(ports), inode \(socket.inode)")
      }
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
