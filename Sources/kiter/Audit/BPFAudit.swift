import IteratorCatalog
import KernelIterators

/// BPF objects that only the kernel's walk or only bpf(2) shows.
struct BPFAudit {
  /// The object's number, type and name.
  typealias Description = (id: UInt32, text: String)

  let kind: BPFObjectKind
  /// Reads the objects that the kernel's walk shows.
  let walk: () throws -> [Description]

  static func maps(_ tables: AuditTables) -> BPFAudit {
    BPFAudit(kind: .map) {
      try tables.read(MapsRecord.self, [.id, .type, .name]).map {
        ($0.id ?? 0, "\($0.type ?? "?") \($0.name ?? "")")
      }
    }
  }

  static func programs(_ tables: AuditTables) -> BPFAudit {
    BPFAudit(kind: .prog) {
      try tables.read(ProgsRecord.self, [.id, .type, .name]).map {
        ($0.id ?? 0, "\($0.type ?? "?") \($0.name ?? "")")
      }
    }
  }

  func look() throws -> [AuditFinding] {
    var texts: [UInt64: String] = [:]
    let difference = try ViewDifference {
      let objects = try walk()
      for object in objects { texts[UInt64(object.id)] = object.text }
      return Set(objects.map { SeenObject(number: UInt64($0.id)) })
    } _: {
      Set(try kind.ids().map { SeenObject(number: UInt64($0)) })
    }
    let iterator = "iter/bpf_\(kind.rawValue)"
    return difference.onlyFirst.map { object in
      finding(
        .bpfNotInSyscall, object,
        "\(iterator) shows it (\(texts[object.number] ?? "")); bpf(2) does not list its number")
    }
      + difference.onlySecond.map { object in
        finding(.bpfOnlyInSyscall, object, "bpf(2) lists its number; \(iterator) does not show it")
      }
  }

  private func finding(_ sort: AuditFinding.Sort, _ object: SeenObject, _ evidence: String)
    -> AuditFinding
  {
    AuditFinding(
      sort, object: "\(kind.rawValue) \(object.number)", evidence: evidence,
      identity: [object.number])
  }
}
