import CSQLite
public import RecordSchema

/// A statement's rows as a stream of records: whatever writes a table's records writes these.
public struct QueryStatement: RecordSource, ~Copyable {
  private let statement: PreparedStatement
  private let session: QuerySession
  /// What the rows are: a field for each result column.
  public let schema: Schema
  /// What was understood of the statement that it does not say: which table a column is taken from.
  public let choices: [String]
  private let layout: RecordLayout
  private var hasBegun = false
  /// A row that did not fit.
  private var waiting: [UInt8] = []
  private var isDone = false

  init(_ statement: PreparedStatement, _ session: QuerySession, choices: [String]) {
    self.choices = choices
    self.statement = statement
    self.session = session
    schema = resultSchema(statement)
    layout = RecordLayout(schema)
  }

  /// Gives rows until the buffer is full; 0 at the end.
  ///
  /// - Throws: why a table could not be read, or `QueryError`.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var used = 0
    func put(_ bytes: [UInt8]) -> Bool {
      guard bytes.count <= buffer.count - used else { return false }
      buffer[used..<used + bytes.count].copyBytes(from: bytes)
      used += bytes.count
      return true
    }
    if !hasBegun {
      hasBegun = true
      _ = put(Preamble(ofAll: layout, in: schema).encoded)
    }
    while !isDone || !waiting.isEmpty {
      if waiting.isEmpty { try nextRow() }
      guard !waiting.isEmpty, put(waiting) else { break }
      waiting = []
    }
    return used
  }

  /// The first column of every row, as a number.
  borrowing func integers() throws -> [Int] {
    var numbers: [Int] = []
    while try step() { numbers.append(Int(statement.integer(0))) }
    return numbers
  }

  private borrowing func step() throws -> Bool {
    do { return try statement.step() } catch {
      // What SQLite says of a table that could not be read is nothing; the table knows.
      throw session.failure ?? error
    }
  }

  private mutating func nextRow() throws {
    if try step() { waiting = row() } else { isDone = true }
  }

  private func row() -> [UInt8] {
    var row = RecordEncoder(layout)
    for (column, slot) in layout.slots.enumerated() {
      switch statement.type(column) {
      case SQLITE_INTEGER:
        withUnsafeBytes(of: statement.integer(column)) { row.put(slot, .integer, $0) }
      case SQLITE_FLOAT: withUnsafeBytes(of: statement.real(column)) { row.put(slot, .real, $0) }
      case SQLITE_NULL: break
      default: row.put(slot, .text, statement.bytes(column))
      }
    }
    return row.finish()
  }
}

/// A schema for a result: each column a value of any type, of the kind that its table declares.
private func resultSchema(_ statement: PreparedStatement) -> Schema {
  var names: Set<String> = []
  let fields = (0..<statement.count).map { column in
    let own = statement.name(column)
    var name = own
    var number = 1
    while !names.insert(name).inserted {
      number += 1
      name = "\(own)_\(number)"
    }
    let kind = statement.declaredType(column).flatMap { Kind(sqlType: $0) } ?? .integer
    return Field(
      name: name, type: .value, kind: kind, summary: "", source: "", oracle: "", isDefault: true)
  }
  return Schema(
    name: "sql", version: 1, summary: "the rows of a statement", programs: [], scopes: [],
    parameters: [], key: [], names: [], fields: fields)
}
