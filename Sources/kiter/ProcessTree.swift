import RecordSchema

/// Puts the rows of processes and threads below those of their parents.
enum ProcessTree {
  /// What a row says of itself.
  struct Node {
    /// The number of the process, or of the thread.
    var id: UInt64?
    /// The number of what it stands below: a process's parent, a thread's process; nil for none.
    var parent: UInt64?
    /// Is it wanted, or only to be kept where it is above one that is?
    var isChosen: Bool
  }

  /// A row in its place.
  struct Line: Equatable {
    /// The node's index.
    let node: Int
    /// What is drawn before its name: three columns for each row above.
    let prefix: String
  }

  /// Deeper rows lose the lines of the outermost levels: a chain of 10,000 stays readable, and short.
  private static var mostLevels: Int { 40 }

  /// Can the rows of a table be put so? They tell process and parent.
  static func isPossible(_ schema: Schema) -> Bool { columns(of: schema) != nil }

  /// The columns that tell, by name; nil if the table has not both.
  static func columns(of schema: Schema) -> [String]? {
    func has(_ name: String) -> Bool {
      schema.field(name).map { !$0.isHidden && $0.type != nil } ?? false
    }
    guard has("pid"), has("ppid") else { return nil }
    return ["pid", "ppid"] + (has("tid") ? ["tid"] : [])
  }

  /// The chosen nodes and all above them, each below its parent, those with one parent in the order
  /// given. Whatever has no parent among the nodes is at the left.
  static func lines(of nodes: [Node]) -> [Line] {
    let parents = parents(of: nodes)
    let isKept = kept(nodes, parents)
    var children = [[Int]](repeating: [], count: nodes.count)
    var roots: [Int] = []
    for index in nodes.indices where isKept[index] {
      if let parent = parents[index] { children[parent].append(index) } else { roots.append(index) }
    }
    var walk = Walk(children: children, count: nodes.count)
    for root in roots { walk.descend(from: root) }
    // A walk is no snapshot: numbers given anew meanwhile may go round in a circle.
    for index in nodes.indices where isKept[index] { walk.descend(from: index) }
    return walk.lines
  }

  private static func parents(of nodes: [Node]) -> [Int?] {
    var places: [UInt64: Int] = [:]
    for (index, node) in nodes.enumerated() {
      if let id = node.id { places[id] = index }
    }
    return nodes.enumerated().map { index, node in
      let place = node.parent.flatMap { places[$0] }
      return place == index ? nil : place
    }
  }

  private static func kept(_ nodes: [Node], _ parents: [Int?]) -> [Bool] {
    var isKept = [Bool](repeating: false, count: nodes.count)
    for index in nodes.indices where nodes[index].isChosen {
      var next: Int? = index
      while let at = next, !isKept[at] {
        isKept[at] = true
        next = parents[at]
      }
    }
    return isKept
  }

  /// Goes down the tree without calling itself: a chain may be as long as there are processes.
  private struct Walk {
    private struct Step {
      let node: Int
      let prefix: String
      /// What those below it begin with.
      let indent: String
      let level: Int
    }

    let children: [[Int]]
    private var isDone: [Bool]
    private(set) var lines: [Line] = []

    init(children: [[Int]], count: Int) {
      self.children = children
      isDone = Array(repeating: false, count: count)
    }

    mutating func descend(from root: Int) {
      var steps = [Step(node: root, prefix: "", indent: "", level: 0)]
      while let step = steps.popLast() {
        guard !isDone[step.node] else { continue }
        isDone[step.node] = true
        lines.append(Line(node: step.node, prefix: step.prefix))
        let below = children[step.node].filter { !isDone[$0] }
        for (index, child) in below.enumerated().reversed() {
          steps.append(self.step(to: child, from: step, isLast: index == below.count - 1))
        }
      }
    }

    private func step(to child: Int, from step: Step, isLast: Bool) -> Step {
      let isDeep = step.level >= ProcessTree.mostLevels
      let outer = isDeep ? "…  " + step.indent.dropFirst(6) : step.indent
      return Step(
        node: child, prefix: outer + (isLast ? "└─ " : "├─ "),
        indent: outer + (isLast ? "   " : "│  "), level: step.level + 1)
    }
  }
}
