import Foundation
import Testing

/// Sockets in maps, and what maps store with sockets.
@Suite(.kernel) struct SocketMapsTests {
  @Test(arguments: ["sockmaps", "socket_storage"])
  func equalsWhatWasStored(table: String) throws {
    let fixture = try Fixture("socket-maps")
    let stored = try fixture.facts[table].array
    let maps = Set(try stored.map { try $0["map_id"].int })
    var comparison = FieldComparison(table)
    let command = ContractTests.command(table)
    let rows = try Kiter.rows(command, "--columns", "all").filter {
      $0.number("map_id").map { maps.contains(Int($0)) } ?? false
    }
    #expect(rows.count == stored.count && !stored.isEmpty)
    let schema = try JSONDecoder().decode(Facts.self, from: Kiter.run(["schema", table]).stdout)
    let columns = try schema["fields"].array.map { try $0["name"].string }
    for element in stored {
      let (cookie, map) = (try element["cookie"].string, Int64(try element["map_id"].int))
      let row = try #require(
        rows.first { $0.text("cookie") == cookie && $0.number("map_id") == map })
      for column in columns {
        let fact = element[column]
        let expected = (try? fact.string) ?? (try? fact.int).map(String.init)
        let found = row.text(column) ?? row.number(column).map(String.init)
        comparison.compare(column, found, expected, in: "socket \(cookie)")
      }
    }
    try comparison.finish()
  }

  @Test(arguments: [("sockmaps", "sk_storage"), ("socket_storage", "sockmap")])
  func oneMapCanBeChosen(table: String, kindOfOther: String) throws {
    let fixture = try Fixture("socket-maps")
    let stored = try fixture.facts[table].array
    let map = try stored[0]["map_id"].int
    let command = ContractTests.command(table)
    #expect(
      try Kiter.rows(command, "\(map)", "--columns", "all").count
        == stored.filter { try $0["map_id"].int == map }.count)
    // A map of another kind cannot be walked so.
    let otherTable = table == "sockmaps" ? "socket_storage" : "sockmaps"
    let other = try fixture.facts[otherTable].array[0]["map_id"].int
    let refused = try Kiter.run([command, "\(other)"])
    #expect(refused.status == 69 && refused.stderr.contains("of the kind \(kindOfOther)"))
  }
}
