import KernelIterators
public import RecordSchema

/// A table of somebody else's: a schema, and a BPF object file that was compiled with its header.
public struct OutsideTable: Sendable {
  /// What the records are.
  public let schema: Schema
  /// The pair, as the catalog's tables have theirs.
  public let files: EmbeddedFiles

  /// Takes two files' contents, if they fit.
  ///
  /// - Parameters:
  ///   - object: the BPF object file.
  ///   - schema: what its records are.
  ///   - json: the schema's own text.
  /// - Throws: `IteratorError` if the object is none; `Misfit` that names the program, or the field
  ///   with offset and size.
  public init(object: [UInt8], schema: Schema, json: [UInt8]) throws {
    self.schema = schema
    files = EmbeddedFiles(object: object, schema: json)
    let description = try ObjectDescription(
      files.object(of: schema.name), structures: ["kiter_record", "kiter_config"])
    try requirePrograms(description)
    try requireRecord(description.members(of: "kiter_record"))
    try requireConstants(description.members(of: "kiter_config"))
  }

  /// Why an object file is not one of a schema.
  public struct Misfit: Error, Equatable, CustomStringConvertible {
    /// What is wrong and what would be right, on one line.
    public let description: String
  }

  private func requirePrograms(_ object: ObjectDescription) throws(Misfit) {
    let iterators = object.programs.filter { $0.target != nil }
    guard !iterators.isEmpty else {
      let sections = object.programs.map(\.section).joined(separator: ", ")
      throw Misfit(
        description: "the object has no iterator, but \(sections.isEmpty ? "no program" : sections)"
          + "; put a program into SEC(\"iter/TARGET\") (kiter list names the targets)")
    }
    for program in schema.programs {
      guard let found = iterators.first(where: { $0.name == program.name }) else {
        let names = iterators.map(\.name).joined(separator: ", ")
        throw Misfit(
          description: "the schema's program \"\(program.name)\" is no iterator of the object, "
            + "which has \(names); give both the same name")
      }
      guard found.target == program.target else {
        throw Misfit(
          description: "program \"\(program.name)\" is of the iterator \(found.target ?? "") in "
            + "the object, and of \(program.target) in the schema; give both the same target")
      }
    }
  }

  private func requireRecord(_ members: [ObjectDescription.Member]?) throws(Misfit) {
    guard let members else {
      throw Misfit(
        description: "the object does not say what struct kiter_record is; include the header "
          + "of kiter schema --header, and compile with -g")
    }
    let fields = schema.storedFields
    for (field, slot) in zip(fields, RecordLayout(schema).slots) {
      let wanted = Place(type: cType(slot.type), offset: slot.offset, size: slot.type.size)
      guard let member = members.first(where: { $0.name == field.name }) else {
        throw mismatch(field.name, wanted: wanted, found: nil)
      }
      let found = Place(type: member.type, offset: member.offset, size: member.size)
      if found != wanted { throw mismatch(field.name, wanted: wanted, found: found) }
    }
    let known = Self.recordHeader + fields.map(\.name)
    guard let other = members.first(where: { !known.contains($0.name) }) else { return }
    let found = Place(type: other.type, offset: other.offset, size: other.size)
    throw mismatch(other.name, wanted: nil, found: found)
  }

  /// The members of struct kiter_record before the fields.
  private static let recordHeader = ["record_size", "program", "order", "present", "partial"]

  /// Options and filters reach the program by their place in struct kiter_config.
  private func requireConstants(_ members: [ObjectDescription.Member]?) throws(Misfit) {
    let fixed = ["want", "fixed", "slots", "page_shift", "cpus", "matching", "asked"]
    let found = (members ?? []).map(\.name).filter {
      !fixed.contains($0) && !($0.hasPrefix("match_") && $0.hasSuffix("_length"))
    }
    let wanted = schema.parameters.map(\.name) + schema.filters.map { "match_" + $0.name }
    guard found != wanted else { return }
    throw Misfit(
      description: "the object has the options and filters [\(found.joined(separator: ", "))], "
        + "the schema [\(wanted.joined(separator: ", "))]; \(Self.advice)")
  }

  /// Where a field lies.
  private struct Place: Equatable, CustomStringConvertible {
    let type: String
    let offset: Int
    let size: Int

    var description: String { "a \(type) at offset \(offset), \(size) bytes long" }
  }

  private func mismatch(_ field: String, wanted: Place?, found: Place?) -> Misfit {
    func text(_ place: Place?) -> String { place.map { "\($0)" } ?? "not there" }
    return Misfit(
      description: "field \"\(field)\" is \(text(found)) in the object, and \(text(wanted)) in the "
        + "schema; \(Self.advice)")
  }

  private static let advice =
    "compile the object again with the header of kiter schema --header FILE"
}
