import RecordQuery
import RecordSchema

/// What is asked of a table beside which rows and columns, as the command line says it.
struct QueryOptions: Equatable {
  /// An SQL expression.
  var condition: String?
  /// SQL expressions that options stand for.
  var restrictions: [String] = []
  /// Columns, each with an optional `:desc`.
  var sort: String?
  var count = false
  /// Columns to count by.
  var groups: String?
  /// Parents and children as a tree.
  var tree = false

  /// Is nothing asked, so that records can go from the kernel to the output as they come?
  var isEmpty: Bool { self == QueryOptions() }

  /// Are numbers of rows asked for, and not the rows?
  var isCounting: Bool { count || groups != nil }

  static var options: [TableOption] {
    [
      .text(
        "where", short: "w", value: "expression",
        "Only rows of which an SQL expression is true: \"uid > 0 AND comm LIKE 'ng%'\"."
      ) { $0.query.condition = $1 },
      .columns(
        "sort", short: "s", "Sort by columns: a,b:desc; without a value comes last."
      ) { $0.query.sort = $1 },
      .flag("count", "The number of rows instead of the rows.") { $0.query.count = true },
      .columns(
        "count-by",
        "The number of rows for each value of columns; also --count=by list."
      ) {
        $0.query.groups = $1
      },
    ]
  }

  /// The words with `--count=by list` as the option that it is: neither reader of options knows one
  /// that may have a value or none.
  static func spellingOut(_ words: [String]) -> [String] {
    words.flatMap { word in
      let start = "--count=by"
      guard word == start || word.hasPrefix(start + " ") else { return [word] }
      let list = word.dropFirst(start.count).drop { $0 == " " }
      return ["--count-by"] + (list.isEmpty ? [] : [String(list)])
    }
  }

  /// The query, with its names checked.
  ///
  /// - Throws: `UnknownColumn`, `UsageError`.
  func rowQuery(of schema: Schema, limit: Int?) throws -> RowQuery {
    var query = RowQuery()
    query.condition = condition
    query.restrictions = restrictions
    query.limit = limit
    query.sort = try (sort ?? "").split(separator: ",").map { try key($0, of: schema) }
    return query
  }

  /// The columns to count by.
  ///
  /// - Throws: `UnknownColumn`.
  func groupColumns(of schema: Schema) throws -> [String] {
    try (groups ?? "").split(separator: ",").map { try schema.column(String($0)).name }
  }

  private func key(_ text: Substring, of schema: Schema) throws -> RowQuery.Key {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    let direction = parts.count > 1 ? parts[1] : "asc"
    guard direction == "asc" || direction == "desc" else {
      throw UsageError(description: "--sort takes columns with :asc or :desc, not :\(direction)")
    }
    let isCount = isCounting && name == "count"
    return RowQuery.Key(
      column: isCount ? name : try schema.column(name).name, isDescending: direction == "desc")
  }
}
