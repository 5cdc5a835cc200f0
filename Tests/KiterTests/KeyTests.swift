import Testing

@testable import kiter

@Suite struct KeyTests {
  private static let known: [(bytes: [UInt8], keys: [Key])] = [
    (Array("q/".utf8), [.character("q"), .character("/")]),
    (Array("\u{1b}[A\u{1b}[B\u{1b}[C\u{1b}[D".utf8), [.up, .down, .right, .left]),
    (Array("\u{1b}OA\u{1b}OB\u{1b}OC\u{1b}OD".utf8), [.up, .down, .right, .left]),
    (Array("\u{1b}[5~\u{1b}[6~".utf8), [.pageUp, .pageDown]),
    (
      Array("\u{1b}[H\u{1b}[F\u{1b}[1~\u{1b}[4~\u{1b}OH\u{1b}[8~".utf8),
      [
        .home, .end, .home, .end, .home, .end,
      ]
    ),
    // Control and an arrow; keys that nothing is done with.
    (Array("\u{1b}[1;5Ax\u{1b}[15~\u{1b}[3~y".utf8), [.up, .character("x"), .character("y")]),
    (
      [0x0d, 0x0a, 0x7f, 0x08, 0x15, 0x0c],
      [.enter, .enter, .backspace, .backspace, .erase, .refresh]
    ),
    (Array("é€😀".utf8), [.character("é"), .character("€"), .character("😀")]),
    // What is not UTF-8 is no key, and takes nothing with it.
    ([0xff, 0x61, 0xc3, 0x28, 0x62], [.character("a"), .character("("), .character("b")]),
    ([0x1b, 0x71], [.escape, .character("q")]),
    ([0x00, 0x01, 0x1f], []),
  ]

  @Test(arguments: known.indices)
  func knowsTheSequences(index: Int) {
    var parser = KeyParser()
    let (bytes, keys) = Self.known[index]
    #expect(parser.keys(bytes) == keys)
    #expect(!parser.isUndecided)
    #expect(parser.decide() == [])
  }

  @Test(arguments: known.indices)
  func sequencesMayComeInPieces(index: Int) {
    let (bytes, keys) = Self.known[index]
    for place in bytes.indices {
      var parser = KeyParser()
      let first = parser.keys(bytes[..<place])
      #expect(first + parser.keys(bytes[place...]) == keys, "split at \(place)")
    }
  }

  @Test func anEscapeByItselfIsAKeyOnceNothingFollows() {
    var parser = KeyParser()
    #expect(parser.keys([0x1b]) == [])
    #expect(parser.isUndecided)
    #expect(parser.decide() == [.escape])
    #expect(!parser.isUndecided)
    #expect(parser.keys([0x1b, 0x5b]) == [])
    #expect(parser.decide() == [], "half a sequence is nothing")
    #expect(parser.keys(Array("a".utf8)) == [.character("a")])
  }

  @Test func anyBytesAreTaken() {
    var state: UInt64 = 1
    for _ in 0..<2000 {
      let bytes = (0..<24).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let byte = UInt8(truncatingIfNeeded: state >> 33)
        return byte < 0x60 ? [0x1b, 0x5b, 0x4f, 0x3b, 0x31, 0x7e][Int(byte) % 6] : byte
      }
      var whole = KeyParser()
      let keys = whole.keys(bytes)
      var parts = KeyParser()
      #expect(bytes.flatMap { parts.keys([$0]) } == keys, "\(bytes)")
      #expect(parts.decide() == whole.decide())
    }
  }
}
