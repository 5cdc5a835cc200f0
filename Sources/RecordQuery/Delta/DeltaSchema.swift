import RecordOutput
public import RecordSchema

/// A table's schema with what has changed since it was last read: `_change`, and for each counter its
/// change per second.
public struct DeltaSchema: Sendable {
  /// The table's own schema.
  public let base: Schema
  /// That, with more columns, which are stored before its own.
  public let schema: Schema
  /// How many fields are stored before the table's own: an even number, so that those keep their
  /// alignment.
  let added: Int
  /// The columns that tell one row from another, also from one that has taken its number over.
  let identity: [String]

  /// The column that says `new` or `gone`.
  public static let change = "_change"

  /// Adds the columns.
  public init(_ base: Schema) {
    self.base = base
    let rates = base.columns.filter(\.isCounter).map { counter in
      Field(
        name: Self.rate(of: counter.name), type: .value, kind: counter.kind,
        summary: counter.summary, source: counter.source, oracle: counter.oracle,
        title: title(of: counter) + "/s")
    }
    var fields = [Self.field(Self.change, .text)] + rates
    if !fields.count.isMultiple(of: 2) {
      var filler = Self.field("_filler", .integer)
      filler.isHidden = true
      fields.append(filler)
    }
    added = fields.count
    var schema = base
    schema.fields = fields + base.fields
    self.schema = schema
    let births = base.columns.filter { $0.kind == .bootTime && !base.key.contains($0.name) }
    identity = base.key + births.map(\.name)
  }

  private static func field(_ name: String, _ kind: Kind) -> Field {
    Field(name: name, type: .value, kind: kind, summary: "", source: "", oracle: "")
  }

  /// The column that is a counter's change per second.
  static func rate(of counter: String) -> String { counter + "_per_second" }

  /// The columns to show for those that were asked for: a counter by its change.
  public func shown(_ names: [String]) -> [String] {
    var shown: [String] = []
    for name in names where name != Self.change {
      let isCounter = base.field(name)?.isCounter ?? false
      let name = isCounter ? Self.rate(of: name) : name
      if !shown.contains(name) { shown.append(name) }
    }
    return shown
  }

  /// The table's own columns that some columns are made of.
  public func sources(of names: [String]) -> [String] {
    var sources: [String] = []
    for name in names.map({ counters[$0] ?? $0 }) + identity
    where name != Self.change && !sources.contains(name) {
      sources.append(name)
    }
    return sources
  }

  /// The counter of each rate.
  var counters: [String: String] {
    let names = base.columns.filter(\.isCounter).map(\.name)
    return Dictionary(uniqueKeysWithValues: names.map { (Self.rate(of: $0), $0) })
  }
}
