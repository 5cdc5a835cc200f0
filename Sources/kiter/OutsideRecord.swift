import IteratorCatalog
import KernelIterators
import RecordSchema
import Synchronization

/// The record of the table that `kiter run` names: its command is made from the schema as every
/// table's is, only that the schema is known later.
struct OutsideRecord: KernelRecord {
  /// Columns are known by name only.
  struct Column: RawRepresentable, CaseIterable, Sendable {
    static let allCases: [Column] = []
    let rawValue: String
  }

  private static let named = Mutex<Schema?>(nil)
  private static let opened = Mutex<OutsideTable?>(nil)

  /// The schema on the command line; one without columns if there is none.
  static var schema: Schema { named.withLock { $0 } ?? nothing }

  static var files: EmbeddedFiles {
    guard let table = opened.withLock({ $0 }) else {
      preconditionFailure("a table is opened before its files are asked for")
    }
    return table.files
  }

  let bytes: RecordBytes

  init(_ bytes: RecordBytes) { self.bytes = bytes }

  /// Makes a schema known, for options and help.
  static func use(_ schema: Schema) { named.withLock { $0 = schema } }

  /// Makes the table known, to be read.
  static func use(_ table: OutsideTable) { opened.withLock { $0 = table } }

  private static let nothing = Schema(
    name: "run", version: 0, summary: "", programs: [], scopes: [], parameters: [], key: [],
    names: [], fields: [])
}
