import IteratorCatalog
import KernelIterators
import RecordSchema

/// BPF objects that only the kernel's walk or only bpf(2) shows.
struct BPFAudit {
  /// The object's number, and its type.
  typealias Description = (id: UInt32, text: String)

  let kind: BPFObjectKind
  /// Reads the objects that the kernel's walk shows.
  let walk: () throws -> [Description]

  init(kind: BPFObjectKind, walk: @escaping () throws -> [Description]) {
    self.kind = kind
    self.walk = walk
  }

  /// With the catalog's table of these objects; nil if there is none.
  init?(_ kind: BPFObjectKind, _ tables: AuditTables) {
    let iterator = "bpf_\(kind.rawValue)"
    guard let table = Catalog.tables.first(where: { $0.schema.programs.first?.target == iterator })
    else { return nil }
    self.init(kind: kind) { try objects(table, tables) }
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

/// The objects of a table, whichever it is: all have a number and a type.
private func objects<Record: KernelRecord>(_ table: Record.Type, _ tables: AuditTables) throws
  -> [BPFAudit.Description]
{
  let schema = Record.schema
  guard let id = try Projection(schema, columns: ["id"]).columns[0].slot,
    let type = schema.columns.firstIndex(where: { $0.name == "type" })
  else { throw UncheckedError("\(schema.name) has no number and type of its objects") }
  let columns = ["id", "type"].compactMap { Record.Column(rawValue: $0) }
  return try tables.read(table, columns).map { object in
    let number = object.bytes.load(UInt32.self, at: id.offset, bit: id.bit)
    return (number ?? 0, object.bytes.name(type) ?? "?")
  }
}
