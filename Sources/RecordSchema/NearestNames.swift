/// Up to three of `names` that someone who typed `name` may have meant, nearest first.
/// The names that a mistyped one may stand for, nearest first.
package func nearestNames(to name: String, in names: [String]) -> [String] {
  let limit = max(1, name.utf8.count / 3)
  return
    names
    .map { (name: $0, distance: editDistance(Array(name.utf8), Array($0.utf8))) }
    .filter { $0.distance <= limit || (name.utf8.count >= 2 && $0.name.contains(name)) }
    .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
    .prefix(3)
    .map(\.name)
}

/// Levenshtein distance: insertions, removals and replacements of bytes.
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var row = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, y) in b.enumerated() {
      let best = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
      diagonal = row[j + 1]
      row[j + 1] = best
    }
  }
  return row[b.count]
}
