import CSQLite
import RecordSchema

/// How one use of a table in a statement is answered: what SQLite keeps as a text between planning
/// and running, and shows in EXPLAIN QUERY PLAN.
///
/// The text is a list of words, one for each value that SQLite then hands over: `kernel:pid` narrows
/// the walk, `index:inode` looks rows up among those that were read.
struct TablePlan {
  enum Use: Equatable {
    case kernel, index
  }

  struct Step: Equatable {
    let use: Use
    let column: Int
  }

  var steps: [Step] = []

  init() {}

  /// Reads the text of a plan.
  init(_ text: String, columns: [Field]) {
    steps = text.split(separator: " ").compactMap { word in
      let parts = word.split(separator: ":")
      guard parts.count == 2, let column = columns.firstIndex(where: { $0.name == parts[1] }) else {
        return nil
      }
      return Step(use: parts[0] == "kernel" ? .kernel : .index, column: column)
    }
  }

  func text(columns: [Field]) -> String {
    steps.map { ($0.use == .kernel ? "kernel:" : "index:") + columns[$0.column].name }
      .joined(separator: " ")
  }
}

extension Schema {
  /// Can the kernel's own walk, or the program, leave out the rows in which a column differs?
  ///
  /// A thread's number narrows a walk only where rows are told apart by it: elsewhere a walk over one
  /// thread shows what a walk over all counts as its process's.
  func isNarrowing(_ field: Field) -> Bool {
    switch field.name {
    case "pid": scopes.contains(.pid)
    case "tid": scopes.contains(.tid) && key.contains("tid")
    case "map_id": scopes.contains(.map)
    default: field.isFilter
    }
  }
}
