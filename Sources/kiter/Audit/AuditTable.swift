import RecordQuery
import RecordSchema

/// Findings as records: whatever writes a table writes them, and `--where` can choose among them.
struct AuditTable {
  static let schema = Schema(
    name: "audit", version: 1, summary: "What should make an engineer look", programs: [],
    scopes: [], parameters: [], key: [],
    names: [
      .init(
        name: "finding", isFlags: false,
        values: AuditFinding.Sort.allCases.map { .init($0.name, UInt64($0.rawValue)) }),
      .init(
        name: "severity", isFlags: false,
        values: AuditFinding.Severity.allCases.map {
          .init("\($0)", UInt64($0.rawValue), $0.verdict)
        }),
    ],
    fields: [
      field("finding", .u8, .enumeration, "what it is", names: "finding"),
      field(
        "severity", .u8, .enumeration, "low, medium or high; null for a check not made",
        names: "severity"),
      field("pid", .u32, .pid, "the process that it is about; null if it is about none"),
      field("comm", .text, .text, "name of the process, at most 15 bytes"),
      field("object", .text, .path, "what it is about"),
      field("evidence", .text, .text, "what was seen, and by whom"),
    ])

  /// The rows, in the order of the findings.
  let records: StoredRecords

  init(_ findings: [AuditFinding]) throws {
    let projection = Projection(allOf: Self.schema)
    records = try StoredRecords(FindingSource(findings, projection), projection: projection)
  }

  /// The table for a query.
  var queryTable: QueryTable { QueryTable(Self.schema) { _ in records } }

  private static func field(
    _ name: String, _ type: FieldType, _ kind: Kind, _ summary: String, names: String? = nil
  ) -> Field {
    Field(
      name: name, type: type, kind: kind, summary: summary, source: "", oracle: "",
      isDefault: true, names: names)
  }
}

extension AuditFinding.Severity {
  fileprivate var verdict: Schema.Verdict? {
    switch self {
    case .low: nil
    case .medium: .warning
    case .high: .bad
    }
  }
}

/// Findings as a stream.
private struct FindingSource: RecordSource {
  private var bytes: [UInt8]

  init(_ findings: [AuditFinding], _ projection: Projection) {
    bytes = Preamble(ofAll: projection.layout, in: projection.schema).encoded
    for finding in findings { bytes += Self.record(finding, projection.layout) }
  }

  mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let part = bytes.prefix(buffer.count)
    buffer.copyBytes(from: part)
    bytes.removeFirst(part.count)
    return part.count
  }

  /// The values in the order of the schema's fields.
  private static func record(_ finding: AuditFinding, _ layout: RecordLayout) -> [UInt8] {
    var record = RecordEncoder(layout)
    let numbers = [
      UInt64(finding.sort.rawValue), finding.sort.severity.map { UInt64($0.rawValue) },
      finding.pid.map { UInt64($0) },
    ]
    for (slot, number) in zip(layout.slots, numbers) {
      if let number { record.put(slot, .unsigned(number)) }
    }
    let texts = [finding.comm, finding.object, Array(finding.evidence.utf8)]
    for (slot, text) in zip(layout.slots.dropFirst(numbers.count), texts) {
      text?.withUnsafeBytes { record.put(slot, .bytes($0)) }
    }
    return record.finish()
  }
}
