import RecordQuery
import RecordSchema
import TestRecords
import Testing

@testable import IteratorCatalog
@testable import kiter

/// What a tab offers in the shell of `kiter sql`.
@Suite struct SQLCompletionTests {
  private let completion = SQLCompletion(
    [TasksRecord.schema, KsymsRecord.schema].map { schema in
      QueryTable(schema) { _ in throw CancellationError() }
    })

  private func offers(_ statement: String) -> [String] {
    let word = statement.split(omittingEmptySubsequences: false) { " (,".contains($0) }.last ?? ""
    return completion.words(for: String(word), in: statement)
  }

  @Test func columnsOfTheTablesInTheStatement() {
    #expect(offers("SELECT a FROM ksyms WHERE addr") == ["address"])
    #expect(offers("SELECT a FROM tasks WHERE addr") == [])
    #expect(offers("SELECT addr") == ["address"])
    #expect(offers("SELECT tasks.ppi") == ["tasks.ppid"])
    #expect(offers("SELECT nothing.ppi") == [])
  }

  @Test func wordsOfTheLanguageAsTheyAreTyped() {
    #expect(offers("SELE") == ["SELECT"])
    #expect(offers("sele") == ["select"])
    #expect(offers("SELECT pid FROM tas") == ["tasks"])
  }

  @Test func commandsAndTheirTables() {
    #expect(offers(".s") == [".schema"])
    #expect(offers(".schema t") == ["tasks"])
  }
}
