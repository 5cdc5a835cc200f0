import KernelIterators

/// All checks, and what they find on the running kernel.
struct Audit {
  /// One of the checks.
  struct Check {
    let name: String
    let look: () throws -> [AuditFinding]
  }

  let checks: [Check]
  var looks = RepeatedLooks()

  init(_ tables: AuditTables) {
    let objects = BPFObjectKind.allCases.compactMap { kind in
      BPFAudit(kind, tables).map { Check(name: "BPF \(kind.rawValue)s", look: $0.look) }
    }
    let sockets = DiagnosedKind.allCases.map { kind in
      Check(name: "\(kind) sockets", look: SocketAudit(kind, tables).look)
    }
    self.init(
      checks: [Check(name: "processes", look: ProcessAudit(tables).look)] + sockets + objects + [
        Check(name: "code", look: CodeAudit(tables: tables).look),
        Check(name: "tracing", look: TraceAudit(tables: tables).look),
      ])
  }

  init(checks: [Check]) { self.checks = checks }

  /// What was found, the gravest first, and which checks could not be made.
  func run() -> (findings: [AuditFinding], failures: [(check: String, error: any Error)]) {
    var findings: [AuditFinding] = []
    var failures: [(check: String, error: any Error)] = []
    for check in checks {
      do { findings += try looks.lasting(check.look) } catch {
        failures.append((check.name, error))
      }
    }
    findings.sort { Self.place(of: $0) < Self.place(of: $1) }
    let unchecked = failures.map { failure in
      AuditFinding(.notChecked, object: failure.check, evidence: "\(failure.error)")
    }
    return (findings + unchecked, failures)
  }

  private static func place(of finding: AuditFinding) -> (Int, UInt8, UInt32, UInt64) {
    let severity = -Int(finding.sort.severity?.rawValue ?? 0)
    return (severity, finding.sort.rawValue, finding.pid ?? 0, finding.identity.last ?? 0)
  }
}
