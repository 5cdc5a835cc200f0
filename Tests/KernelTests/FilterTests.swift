import Foundation
import IteratorCatalog
import RecordSchema
import Testing

/// Rows that the program leaves out are those without the value, and no others.
@Suite(.kernel) struct FilterTests {
  @Test func tasksOfAUserOfANameInAState() throws {
    let fixture = try Fixture("identity")
    let pid = "\(fixture.pid)"
    let row = try #require(try Kiter.rows("tasks", "--pid", pid, "-c", "uid,comm,state").first)
    let values = try ["uid", "comm", "state"].map { name in
      (name, try #require(row.text(name) ?? row.number(name).map { "\($0)" }))
    }
    for (name, value) in values {
      let found = try Kiter.run(["tasks", "--\(name)", value, "-c", "pid", "-o", "csv"])
      #expect(found.status == 0, "\(found.stderr)")
      #expect(found.text.split(separator: "\n").contains { $0 == pid }, "--\(name) \(value)")
      // The same filter, written without one.
      let all = try Kiter.run(["tasks", "--pid", pid, "--\(name)", value, "-c", "pid,\(name)"])
      #expect(all.text.split(separator: "\n").count == 2)
    }
    for arguments in [["--uid", "4242424"], ["--comm", "no such name"], ["--state", "zombie"]] {
      let none = try Kiter.run(["tasks", "--pid", pid, "--no-header"] + arguments)
      #expect(none.status == 0, "\(none.stderr)")
      #expect(none.text.isEmpty, "\(arguments)")
    }
  }

  /// A filter gives what remains of all rows when the others are taken away.
  @Test(arguments: Catalog.tables.filter { !$0.schema.filters.isEmpty }.map { $0.schema.name })
  func leavesOutTheOthers(table: String) throws {
    let schema = try #require(Catalog.tables.first { $0.schema.name == table }).schema
    for field in schema.filters {
      let columns = (schema.key + [field.name]).joined(separator: ",")
      let lines = { (filter: [String]) in
        let output = try Kiter.run([table, "-c", columns, "-o", "csv", "--no-header"] + filter)
        #expect(output.status == 0, "\(output.stderr)")
        return Set(output.text.split(whereSeparator: \.isNewline).map(String.init))
      }
      let values = Set(
        try lines([]).compactMap {
          // An empty last field is a value that the row does not have.
          $0.split(separator: ",", omittingEmptySubsequences: false).last
        }
      ).sorted()
      for value in values.filter({ !$0.isEmpty && !$0.contains("\"") }).prefix(4) {
        // What comes, goes or changes meanwhile may be missing, but not each time.
        let isComplete = try (0..<10).contains { _ in
          let earlier = try lines([]).filter { $0.hasSuffix(",\(value)") }
          let found = try lines(["--\(field.name)=\(value)"])
          #expect(found.allSatisfy { $0.hasSuffix(",\(value)") }, "\(field.name) \(value)")
          return try earlier.intersection(lines([])).isSubset(of: found)
        }
        #expect(isComplete, "\(field.name) \(value)")
      }
    }
  }

  @Test func aUserHasANameOrANumber() throws {
    let byName = try Kiter.run(["tasks", "--uid", "root", "-c", "pid", "--no-header"])
    #expect(byName.text.split(separator: "\n").contains { $0.hasSuffix("\(getpid())") })
    let nobody = try Kiter.run(["tasks", "--uid", "no such user"])
    #expect(nobody.status == 64)
    #expect(nobody.stderr.contains("uid is a user's number, or a name in /etc/passwd"))
    let state = try Kiter.run(["tasks", "--state", "sleepy"])
    #expect(state.status == 64)
    #expect(state.stderr.contains("state is one of running, sleeping"))
  }
}
