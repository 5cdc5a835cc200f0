/// The value of --columns: `a,b` those, `+a,-b` the default ones with and without, `all`.
public struct ColumnList {
  private let text: String

  /// Takes what a user wrote; names are looked at when a schema is there.
  public init(_ text: String) { self.text = text }

  /// Are all columns asked for, without being named?
  public var isAll: Bool { text == "all" }

  /// The columns of a schema that are asked for, by name.
  ///
  /// - Throws: `UnknownColumn`, also where a name is taken away that there is not.
  public func names(of schema: Schema) throws(UnknownColumn) -> [String] {
    if isAll { return schema.columns.map(\.name) }
    let items = text.split(separator: ",").map { trimmed($0) }.filter { !$0.isEmpty }
    let isChange = items.contains { $0.hasPrefix("+") || $0.hasPrefix("-") }
    var names = isChange ? schema.columns.filter(\.isDefault).map(\.name) : []
    for item in items {
      let name = item.hasPrefix("+") || item.hasPrefix("-") ? String(item.dropFirst()) : item
      _ = try schema.column(name)
      if item.hasPrefix("-") {
        names.removeAll { $0 == name }
      } else if !names.contains(name) {
        names.append(name)
      }
    }
    return names
  }

  private func trimmed(_ item: Substring) -> String { String(item.filter { $0 != " " }) }
}
