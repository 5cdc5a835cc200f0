import IteratorCatalog
import RecordSchema

@testable import kiter

/// Makes command lines of tables, always the same ones from the same seed.
struct CommandLines {
  private var random: SplitMix64
  private let tables = Catalog.tables.map { $0.schema }

  init(seed: UInt64) { random = SplitMix64(state: seed) }

  /// A line as people write it: some options, each at most once unless it may be repeated, in any
  /// order and any form.
  mutating func ordinary() -> [String] {
    let schema = tables.randomElement(using: &random) ?? tables[0]
    var words: [String] = []
    let options = TableArguments.options(of: schema).shuffled(using: &random)
    for option in options.prefix(Int.random(in: 0...5, using: &random)) {
      if option.name == "json"
        && words.contains(where: { $0.hasPrefix("-o") || $0.hasPrefix("--o") })
      {
        continue
      }
      if option.name == "output" && words.contains("--json") { continue }
      for _ in 0..<(option.isRepeatable ? Int.random(in: 1...3, using: &random) : 1) {
        let value = Self.values(of: option, schema).randomElement(using: &random) ?? ""
        words += Self.forms(of: option, value: value).randomElement(using: &random) ?? []
      }
    }
    return [schema.name.replacingUnderscores()] + words
  }

  /// An ordinary line with something wrong, rare or odd in it, most of the time.
  mutating func hostile() -> [String] {
    var words = ordinary()
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let place = Int.random(in: 0...words.count, using: &random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0 where place < words.count: words.remove(at: place)
      case 1 where place < words.count: words.insert(words[place], at: place)
      case 2 where place < words.count: words[place].append(character())
      case 3 where place < words.count: words[place] = mangled(words[place])
      case 4 where place + 1 < words.count: words.swapAt(place, place + 1)
      case 5 where place + 1 < words.count: words[place] += words.remove(at: place + 1)
      case 6: words += ordinary().dropFirst()
      default: words.insert(Self.oddities.randomElement(using: &random) ?? "", at: place)
      }
    }
    return words
  }

  /// All ways to write an option.
  static func forms(of option: TableOption, value: String) -> [[String]] {
    let short = option.short.map { "-\($0)" }
    guard option.form != .flag else { return [["--" + option.name]] + (short.map { [[$0]] } ?? []) }
    let long = [["--" + option.name, value], ["--\(option.name)=\(value)"]]
    guard let short else { return long }
    // ArgumentParser takes what stands before an equals sign for a name.
    return long + [[short, value]] + (value.contains("=") ? [] : [[short + value]])
  }

  /// Values that an option takes.
  static func values(of option: TableOption, _ schema: Schema) -> [String] {
    switch option.form {
    case .flag: [""]
    case .number: ["1", "22", "65535", "007", "0"]
    case .seconds: ["1", "0.5", "2.25", "60", "007"]
    case .file: ["/tmp/ä", "x y", "aä=b", "/"]
    case .choice(let values): values
    case .text, .columns:
      [
        "all", schema.columns.map(\.name).joined(separator: ","), "+comm", "pid , comm", ",",
        "aä=b",
      ]
        + (option.takesDashes ? ["-comm,+pid", "-pid"] : [])
    }
  }

  private mutating func character() -> Character {
    Array("=-,:abcjotuvz0189+ \u{301}\u{e9}\u{212a}\u{661}\n\0").randomElement(using: &random)
      ?? "="
  }

  private mutating func mangled(_ word: String) -> String {
    var characters = Array(word)
    guard !characters.isEmpty else { return "-" }
    let place = Int.random(in: 0..<characters.count, using: &random)
    switch Int.random(in: 0..<4, using: &random) {
    case 0: characters.remove(at: place)
    case 1: characters.insert(character(), at: place)
    case 2: characters[place] = character()
    default: characters.removeSubrange(place...)
    }
    return String(characters)
  }

  private static let oddities = [
    "", "-", "--", "---", "-=", "--=", "--help", "-h", "-help", "--version", "help", "tasks",
    "json",
    "--jso", "--out", "--colums", "--PID", "-C", "-O", "-vv", "-vojson", "-ov", "-o=json", "-c=pid",
    "--output=", "--pid=", "--columns", "--limit", "--pid", "-o", "-c", "--json=1", "--json=",
    "--no-json", "--noheader", "--no_header", "--verbose=true", "-v1", "-1", "+1", "0x10", " 1",
    "1 ", "4294967295", "4294967296", "99999999999999999999", "1e3", "\u{661}", "--limit=-1",
    "--limit=+1", "--columns=\u{301}x", "--columns\u{301}=pid", "-c\u{301}", "--raw\0", "-c--",
    "-c-h", "--columns=--help", "--output=JSON", "--output=json ", "-ojson\n", "@file", "--tcp",
    "--udp", "--threads", "--path", "--port", "--generate-completion-script",
    "--experimental-dump-help",
  ]
}

/// A small generator of random numbers: the same ones everywhere from the same state.
private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
