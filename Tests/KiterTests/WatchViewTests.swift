import RecordQuery
import RecordSchema
import TestRecords
import Testing

@testable import kiter

@Suite struct WatchViewTests {
  private func view(_ query: RowQuery = RowQuery()) throws -> WatchView {
    let projection = try Projection(testSchema, columns: ["pid", "rss_bytes", "name"])
    return WatchView(query, columns: projection.columns.map(\.field))
  }

  private func sorted(_ view: WatchView) -> [String] {
    view.query.sort.map { $0.column + ($0.isDescending ? ":desc" : "") }
  }

  @Test func goesThroughTheColumnsAndBackToNoOrder() throws {
    var view = try view()
    var orders: [[String]] = []
    for _ in 0..<5 {
      #expect(view.take(.character("s"), page: 5) == .asking)
      orders.append(sorted(view))
    }
    #expect(orders == [["pid"], ["rss_bytes:desc"], ["name"], [], ["pid"]])
  }

  @Test func reversesAllKeysAndGoesOnFromTheFirst() throws {
    var query = RowQuery()
    query.sort = [
      .init(column: "rss_bytes", isDescending: true), .init(column: "pid", isDescending: false),
    ]
    var view = try view(query)
    #expect(view.take(.character("r"), page: 5) == .asking)
    #expect(sorted(view) == ["rss_bytes", "pid:desc"])
    #expect(view.take(.character("s"), page: 5) == .asking)
    #expect(sorted(view) == ["name"])
  }

  @Test func scrollsNoFurtherThanThereIs() throws {
    var view = try view()
    func top(_ keys: Key...) -> Int {
      for key in keys {
        #expect(view.take(key, page: 10) == .drawing)
        view.fit(rows: 25, page: 10)
      }
      return view.top
    }
    #expect(top(.up) == 0)
    #expect(top(.down, .down) == 2)
    #expect(top(.pageDown) == 12)
    #expect(top(.pageDown) == 15)
    #expect(top(.up) == 14)
    #expect(top(.end) == 15)
    #expect(top(.pageUp) == 5)
    #expect(top(.home) == 0)
    view.fit(rows: 3, page: 10)
    #expect(view.top == 0)
    #expect(top(.end) == 15)
    view.fit(rows: 12, page: 10)
    #expect(view.top == 2, "fewer rows keep the page full")
    for _ in 0..<5 { _ = view.take(.right, page: 10) }
    #expect(view.left == 2, "one column stays")
    for _ in 0..<5 { _ = view.take(.left, page: 10) }
    #expect(view.left == 0)
  }

  @Test func aFilterIsWrittenAndTakenBack() throws {
    var view = try view()
    func type(_ text: String) { for key in text { _ = view.take(.character(key), page: 5) } }
    type("/qsx")
    #expect(view.footer == "/qsx", "keys are characters now")
    #expect(view.take(.backspace, page: 5) == .drawing)
    #expect(view.prompt == "qs")
    #expect(view.take(.erase, page: 5) == .drawing)
    type("pid > 1")
    #expect(view.query.condition == nil, "not before Enter")
    #expect(view.take(.enter, page: 5) == .asking)
    #expect(view.query.condition == "pid > 1")
    #expect(view.prompt == nil)
    type("/0")
    #expect(view.prompt == "pid > 10", "it can be changed")
    #expect(view.take(.escape, page: 5) == .drawing)
    #expect(view.query.condition == "pid > 1")
    type("/")
    _ = view.take(.erase, page: 5)
    type("  ")
    #expect(view.take(.enter, page: 5) == .asking)
    #expect(view.query.condition == nil)
  }

  @Test func quitsByOneKeyAndSaysAMessageUntilTheNext() throws {
    var view = try view()
    view.message = "no such column: x"
    #expect(view.footer == "no such column: x")
    #expect(view.take(.character("z"), page: 5) == .nothing)
    #expect(view.footer.hasPrefix("q quit"))
    #expect(view.take(.character("q"), page: 5) == .quitting)
  }

  @Test func theTitleSaysWhatIsShown() throws {
    var query = RowQuery()
    query.condition = "pid > 1"
    query.sort = [.init(column: "rss_bytes", isDescending: true)]
    #expect(
      try view(query).title("things", rows: 1, every: "2.5")
        == "things: 1 row every 2.5s  by rss_bytes:desc  where pid > 1")
    #expect(try view().title("things", rows: 0, every: "1") == "things: 0 rows every 1s")
  }
}
