public import RecordSchema

extension Schema {
  /// Does a column's value come from addresses, of the kernel's code or of a process's memory?
  ///
  /// They tell an attacker where things lie (KASLR, ASLR), so they are pinned only when they are
  /// named.
  public func showsAddresses(_ column: Field) -> Bool {
    ([column] + column.inputs.compactMap(field)).contains { $0.kind == .address }
  }

  /// The schema as `kiter pin` offers it: no column that shows addresses is a default one.
  public var forPinning: Schema { withDefaults { $0.isDefault && !showsAddresses($0) } }

  /// The schema with other default columns.
  func withDefaults(_ isDefault: (Field) -> Bool) -> Schema {
    var schema = self
    schema.fields = fields.map { field in
      var field = field
      field.isDefault = !field.isHidden && isDefault(field)
      return field
    }
    return schema
  }

  /// The schema of a recording that has certain columns, with those to show where none are named as
  /// its default ones: the table's own defaults, if it has them (but for addresses), else all that
  /// it has.
  public func recorded(with columns: [String]) -> Schema {
    let standard = forPinning.columns.filter(\.isDefault).map(\.name)
    let hasStandard = standard.allSatisfy(columns.contains)
    return withDefaults { columns.contains($0.name) && ($0.isDefault || !hasStandard) }
  }

  /// The columns whose stored fields are all in each of some streams, by name.
  public func columns(of streams: [Preamble]) -> [String] {
    columns { bit in streams.allSatisfy { $0.wants(bit) } }
  }

  /// The columns that a pin of some columns has: those, and others of the same stored fields.
  func columns(ofPinWith names: [String]) -> [String] {
    guard let wanted = try? Projection(self, columns: names).wanted else { return [] }
    return columns { wanted[$0 / 64] >> UInt64($0 % 64) & 1 == 1 }
  }

  private func columns(where isStored: (_ bit: Int) -> Bool) -> [String] {
    Projection(allOf: self).columns.filter { column in
      (column.slot.map { [$0] } ?? column.inputs).allSatisfy { isStored($0.bit) }
    }.map(\.field.name)
  }
}
