import Testing

@testable import kiter

/// Where rows stand, whatever they say of their parents.
@Suite struct ProcessTreeTests {
  private func node(_ id: UInt64?, _ parent: UInt64?, _ isChosen: Bool = true) -> ProcessTree.Node {
    ProcessTree.Node(id: id, parent: parent, isChosen: isChosen)
  }

  private func drawn(_ nodes: [ProcessTree.Node]) -> [String] {
    ProcessTree.lines(of: nodes).map { $0.prefix + "\(nodes[$0.node].id ?? 0)" }
  }

  @Test func drawsLinesAsLongAsSomethingFollows() {
    let nodes = [
      node(1, nil), node(2, 1), node(3, 2), node(4, 3), node(5, 2), node(6, 1), node(7, 6),
      node(9, 8),
    ]
    #expect(
      drawn(nodes) == ["1", "├─ 2", "│  ├─ 3", "│  │  └─ 4", "│  └─ 5", "└─ 6", "   └─ 7", "9"])
  }

  @Test func keepsWhatIsAboveAChosenRow() {
    let nodes = [
      node(1, nil, false), node(2, 1, false), node(3, 2), node(4, 2, false), node(5, 1, false),
      node(6, nil, false),
    ]
    #expect(drawn(nodes) == ["1", "└─ 2", "   └─ 3"])
  }

  @Test func theOrderGivenIsThatOfSiblings() {
    #expect(
      drawn([node(9, 1), node(5, 9), node(1, nil), node(3, 1)]) == [
        "1", "├─ 9", "│  └─ 5", "└─ 3",
      ])
  }

  @Test func whatGoesRoundInACircleIsShownOnce() {
    #expect(
      drawn([node(1, 2), node(2, 3), node(3, 1), node(4, 4)]) == [
        "4", "1", "└─ 3", "   └─ 2",
      ])
    #expect(drawn([node(nil, nil), node(nil, nil)]) == ["0", "0"])
  }

  @Test func aLongChainStaysShort() {
    let count = 50_000
    let lines = ProcessTree.lines(of: (0..<count).map { node(UInt64($0 + 1), UInt64($0)) })
    #expect(lines.map(\.node) == Array(0..<count))
    let widest = lines.map(\.prefix.unicodeScalars.count).max() ?? 0
    #expect(widest > 60 && widest < 200)
    #expect(lines.last?.prefix.hasPrefix("…  ") == true)
  }

  /// Any parents at all: each kept row once, and below the one that it names.
  @Test func anyParentsGiveEachRowOnceBelowItsParent() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      let count = Int.random(in: 1...30, using: &random)
      let nodes = (0..<count).map { _ in
        node(
          UInt64.random(in: 1...30, using: &random), UInt64.random(in: 0...40, using: &random),
          Bool.random(using: &random))
      }
      let lines = ProcessTree.lines(of: nodes)
      #expect(Set(lines.map(\.node)).count == lines.count)
      let shown = Set(lines.map(\.node))
      for index in nodes.indices where nodes[index].isChosen { #expect(shown.contains(index)) }
      var path: [Int] = []
      for line in lines {
        let level = line.prefix.unicodeScalars.count / 3
        #expect(level <= path.count, "\(nodes)")
        path.removeLast(max(0, path.count - level))
        if let above = path.last { #expect(nodes[above].id == nodes[line.node].parent, "\(nodes)") }
        path.append(line.node)
      }
    }
  }
}
