import ArgumentParser
import KernelIterators
import RecordOutput

/// `kiter pins`: what is pinned, for whom, and whether this kiter can read it.
struct PinsCommand: ParsableCommand {
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case table, json
  }

  static let configuration = CommandConfiguration(
    commandName: "pins", abstract: "The pins, their columns, and who may read them.",
    discussion: """
      HERE says \"yes\", or why kiter, run by you, cannot read the pin: it may be another \
      version's, not for you, or not trusted.
      """)

  @OptionGroup var place: PinPlace

  @Option(name: .shortAndLong, help: "How to write the list.")
  var output: Format = .table

  @Flag(help: "The same as --output json.")
  var json = false

  func run() {
    let pins = foundPins(in: place.folder)
    if json || output == .json { return printJSON(pins) }
    let title = ["TABLE", "PROGRAM", "PATH", "MODE", "OWNER", "COLUMNS", "HERE"]
    printAligned([title] + pins.map(cells))
  }

  private func cells(_ pin: FoundPin) -> [String] {
    [
      pin.table, pin.program ?? "-", pin.path, pin.access?.octalMode ?? "-",
      pin.access.map(ownerAndGroup) ?? "-", pin.columns?.joined(separator: ",") ?? "?",
      pin.problem ?? "yes",
    ]
  }
}

/// Prints an array of objects; what is not known is null.
private func printJSON(_ pins: [FoundPin]) {
  var text = ByteBuffer(capacity: 4096)
  text.append(string: "[")
  for (index, pin) in pins.enumerated() {
    text.append(string: index == 0 ? "\n{" : ",\n{")
    append("table", pin.table, to: &text)
    append("program", pin.program, to: &text)
    append("path", pin.path, to: &text)
    append("mode", pin.access?.octalMode, to: &text)
    append("owner", pin.access.map(ownerAndGroup), to: &text)
    append("problem", pin.problem, to: &text)
    append("columns", pin.columns, to: &text)
    text.append(string: "}")
  }
  text.append(string: "\n]")
  print(String(decoding: text.bytes, as: UTF8.self))
}

private func append(_ name: String, _ value: String?, to text: inout ByteBuffer) {
  text.append(json: name)
  text.append(string: ":")
  if let value { text.append(json: value) } else { text.append(string: "null") }
  text.append(string: ",")
}

/// The last member.
private func append(_ name: String, _ list: [String]?, to text: inout ByteBuffer) {
  text.append(json: name)
  guard let list else { return text.append(string: ":null") }
  for (index, value) in list.enumerated() {
    text.append(string: index == 0 ? ":[" : ",")
    text.append(json: value)
  }
  text.append(string: list.isEmpty ? ":[]" : "]")
}
