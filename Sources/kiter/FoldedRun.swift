import RecordSchema

extension TableRun {
  /// Refuses what `--folded`, which counts and has a form of its own, leaves no room for.
  ///
  /// - Throws: `UsageError`.
  func checkFolded() throws(UsageError) {
    let counted = schema.fields.first { $0.derivation == .foldedStack }?.name
    if output.output != nil || output.json || query.count || query.groups != counted || watch.isOn {
      throw UsageError(
        description: "--folded counts, and has a form of its own; leave --output, --count and "
          + "--watch out")
    }
  }
}
