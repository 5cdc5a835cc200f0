import IteratorCatalog
import KernelIterators
import RecordSchema

/// What there is to say of the pins, and whether each can be trusted and read.
func pinFindings() -> [Finding] {
  let folder = PinFolder()
  let pins = foundPins(in: folder)
  if pins.isEmpty {
    return [Finding(name: "pins", detail: "none in \(folder.path) (kiter pin --help: what for)")]
  }
  return pins.map { pin in
    let name = "pin \(pin.file)"
    if let problem = pin.problem {
      return Finding(
        name: name, detail: problem,
        fix: "\(folder.command("pin", "\(pin.table) --group GROUP")) makes it anew, for a group")
    }
    let access = pin.access.map { "\($0.octalMode) \(ownerAndGroup($0)), " } ?? ""
    return Finding(
      name: name, detail: "trusted, \(access)\(pin.columns?.joined(separator: ",") ?? "")")
  }
}

/// A table that can be read from its pins; nil if it cannot.
func servingFinding(_ schema: Schema) -> Finding? {
  guard let source = try? PinnedSource(TablePins(schema, in: PinFolder())) else { return nil }
  return Finding(
    name: "table \(schema.name)", detail: "from its pins: \(source.columns.joined(separator: ","))")
}
