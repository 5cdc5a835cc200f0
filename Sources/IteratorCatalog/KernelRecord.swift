public import RecordSchema

/// A table's record with types: what the build generates from `schemas/NAME.json`.
public protocol KernelRecord: Sendable {
  /// The columns by name.
  associatedtype Column: CaseIterable & RawRepresentable<String> & Sendable

  /// What the schema file says.
  static var schema: Schema { get }
  /// The compiled program, and the schema file's text.
  static var files: EmbeddedFiles { get }
  /// The record's bytes.
  var bytes: RecordBytes { get }
  /// Gives types to a record's bytes.
  init(_ bytes: RecordBytes)
}
