import Foundation
import Testing

/// Queries over the running kernel, against what a fixture and /proc know.
@Suite(.kernel) struct QueryOverTheKernelTests {
  @Test func aConditionOnTheScopeIsTheScope() throws {
    let fixture = try Fixture("files")
    let pid = "\(fixture.pid)"
    let columns = ["-c", "fd,inode,path", "-o", "csv"]
    let flag = try Kiter.run(["files", "--pid", pid] + columns)
    let condition = try Kiter.run(["files", "--where", "pid = \(pid)"] + columns)
    let statement = try Kiter.run(
      ["sql", "SELECT fd, inode, path FROM files WHERE pid = \(pid)", "-o", "csv"])
    #expect(flag.text.split(separator: "\n").count > 5)
    #expect(condition.text == flag.text)
    #expect(statement.text == flag.text)
  }

  @Test func aJoinFindsEachProcessOfEachFile() throws {
    let fixture = try Fixture("files")
    let descriptors = try FileManager.default.contentsOfDirectory(
      atPath: "/proc/\(fixture.pid)/fd")
    let output = try Kiter.run([
      "sql", "-o", "csv", "--no-header",
      "SELECT tasks.pid, tasks.ppid, count(*) FROM files JOIN tasks USING (pid) "
        + "WHERE tasks.pid = \(fixture.pid) GROUP BY 1",
    ])
    #expect(output.text == "\(fixture.pid),\(getpid()),\(descriptors.count)\n", "\(output.stderr)")
  }

  @Test func sortsByNumberAndPutsWhatHasNoneLast() throws {
    let output = try Kiter.run([
      "tasks", "--sort", "rss_bytes:desc,pid", "-c", "rss_bytes,pid", "-o", "csv", "--no-header",
    ])
    let rows = output.text.split(separator: "\n").map { line in
      line.split(separator: ",", omittingEmptySubsequences: false).map { UInt64($0) }
    }
    let sizes = rows.compactMap(\.[0])
    #expect(sizes.count > 3)
    #expect(sizes == sizes.sorted(by: >))
    // Kernel threads have no memory.
    let without = rows.suffix(from: sizes.count)
    #expect(!without.isEmpty && without.allSatisfy { $0[0] == nil })
    #expect(without.compactMap(\.[1]) == without.compactMap(\.[1]).sorted())
  }

  @Test func countsWhatItWouldShow() throws {
    let fixture = try Fixture("many", "40")
    let own = "ppid = \(fixture.pid)"
    let count = try Kiter.run(["tasks", "-w", own, "--count", "-o", "csv", "--no-header"])
    #expect(count.text == "40\n", "\(count.stderr)")
    let by = try Kiter.run(["tasks", "-w", own, "--count-by", "ppid,uid", "-o", "jsonl"])
    #expect(by.text == "{\"ppid\":\(fixture.pid),\"uid\":\(geteuid()),\"count\":40}\n")
    for spelling in [["--count=by", "ppid,uid"], ["--count=by ppid,uid"]] {
      let other = try Kiter.run(["tasks", "-w", own, "-o", "jsonl"] + spelling)
      #expect(other.text == by.text)
    }
    let limited = try Kiter.run(["tasks", "-w", own, "--limit", "7", "--no-header", "-c", "pid"])
    #expect(limited.text.split(separator: "\n").count == 7)
  }

  @Test func whatIsWrongIsPointedAt() throws {
    let near = try Kiter.run(["tasks", "--where", "uid = 0 AND rss_byte > 1"])
    #expect(near.status == 64)
    #expect(near.stderr.contains("did you mean \"rss_bytes\"?"))
    #expect(near.stderr.hasSuffix("\n  uid = 0 AND rss_byte > 1\n              ^\n"))
    #expect(try Kiter.run(["tasks", "--sort", "rss"]).status == 64)
    #expect(try Kiter.run(["tasks", "--sort", "pid:up"]).status == 64)
    #expect(try Kiter.run(["sql", "DROP TABLE tasks"]).status == 64)
  }

  @Test func sortingWritesNoFile() throws {
    let statement =
      "SELECT name, address FROM ksyms ORDER BY name DESC, address LIMIT 1 OFFSET 100000"
    let output = try Command.run([
      "strace", "-f", "-e", "trace=openat,creat", "-e", "signal=none",
      try Kiter.executable(), "sql", "--no-cache", statement,
    ])
    #expect(output.stderr.contains("exited with 0"))
    #expect(!output.stderr.contains("O_CREAT"), "\(output.stderr)")
  }

  /// A statement without end takes so much memory, and no more.
  @Test func memoryIsLimited() throws {
    let output = try Kiter.run([
      "sql",
      """
      WITH RECURSIVE n(x, y) AS (
        SELECT 1, zeroblob(1000000) UNION SELECT x + 1, zeroblob(1000000 + x) FROM n
      ) SELECT count(*) FROM n
      """,
    ])
    #expect(output.status == 64)
    #expect(output.stderr.contains("more than 1 GiB of memory"), "\(output.stderr)")
  }

  @Test func aPipeOfStatementsIsAnswered() throws {
    let output = try Command.run(
      [try Kiter.executable(), "sql", "-o", "csv", "--no-header"],
      input: Data("SELECT 1;\n.tables\nSELECT ';',\n 2;\nSELECT 3".utf8))
    #expect(output.text.hasPrefix("1\ncgroups\ndmabufs\nfiles\n"))
    #expect(output.text.hasSuffix("\n;,2\n3\n"), "\(output.text)")
    #expect(output.status == 0)
  }
}
