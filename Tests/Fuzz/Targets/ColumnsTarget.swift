import RecordSchema
import TestRecords

/// Any text as a list of columns: columns of the table come out, each once.
enum ColumnsTarget {
  static var seeds: [[UInt8]] {
    ["pid,name", "+uid,-pid", "all", "", ", ,", "-pid,-pid", "user,nme"].map { Array($0.utf8) }
  }

  static func run(_ input: [UInt8]) {
    guard let names = try? ColumnList(String(decoding: input, as: UTF8.self)).names(of: testSchema)
    else { return }
    if Set(names).count < names.count { finding("a column twice: \(names)") }
    do { _ = try Projection(testSchema, columns: names) } catch { finding("\(error)") }
  }
}
