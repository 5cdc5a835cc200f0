import MetricsText
import RecordQuery
import RecordSchema

/// Runs a metric's statement.
struct MetricQuery {
  let metric: Metric
  /// How many samples there may be.
  let limit: Int

  /// What the statement gave.
  struct Answer {
    var samples: [Sample] = []
    /// Samples behind the limit.
    var cut = 0
  }

  /// The samples as they are now; a row whose value is NULL is none.
  ///
  /// - Throws: `QueryError`, why a table could not be read, or `MetricRowError`.
  func run(on database: QueryDatabase) throws -> Answer {
    let statement = try database.prepare(metric.statement)
    let schema = statement.schema
    let projection = Projection(allOf: schema)
    guard let value = projection.columns.firstIndex(where: { $0.field.name == "value" }) else {
      throw MetricRowError(description: "the statement has no column \"value\"")
    }
    var answer = Answer()
    var known: Set<[String]> = []
    var stream = RecordStream(statement, schema: schema, layout: projection.layout)
    while try stream.nextRecords({ record, _ in
      var values = projection.columns.map { column in
        column.slot.map { record.value($0) } ?? .absent
      }
      guard let number = try sampleValue(values.remove(at: value)) else { return }
      if answer.samples.count == limit { return answer.cut += 1 }
      let texts = values.map(labelText)
      guard known.insert(texts).inserted else {
        throw MetricRowError(description: "two rows have the same labels: \(texts)")
      }
      let names = projection.columns.map(\.field.name).filter { $0 != "value" }
      answer.samples.append(Sample(labels: Array(zip(names, texts)), value: number))
    }) {}
    return answer
  }

  private func sampleValue(_ value: FieldValue) throws -> Sample.Value? {
    switch value {
    case .absent, .unreadable: nil
    case .signed(let number): .integer(number)
    case .unsigned(let number): Int64(exactly: number).map { .integer($0) } ?? .real(Double(number))
    case .real(let number): .real(number)
    case .bytes: throw MetricRowError(description: "a value is a text")
    }
  }

  private func labelText(_ value: FieldValue) -> String {
    switch value {
    case .absent, .unreadable: ""
    case .signed(let number): "\(number)"
    case .unsigned(let number): "\(number)"
    case .real(let number): "\(number)"
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    }
  }
}

/// Why rows are no samples.
struct MetricRowError: Error, CustomStringConvertible { let description: String }
