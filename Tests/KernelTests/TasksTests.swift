import Foundation
import Testing

@Suite struct TasksTests {
  @Test func showsAProcess() throws {
    let fixture = try Fixture("sleep")
    let rows = try Kiter.rows("tasks", "--pid", "\(fixture.pid)", "--columns", "all")
    let row = try #require(rows.first)
    #expect(rows.count == 1)
    #expect(row.number("pid") == Int64(fixture.pid))
    #expect(row.number("ppid") == Int64(getpid()))
  }
}
