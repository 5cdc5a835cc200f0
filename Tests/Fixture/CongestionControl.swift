import Glibc

/// What the kernel's types say of a `struct tcp_congestion_ops` that BPF programs fill.
struct CongestionTypes {
  /// A member that is a function: its place among the members, and in the structure.
  typealias Member = (index: Int, offset: Int)

  /// The number of the structure, and of the one that a map holds it in.
  let structure, value: Int
  let valueSize: Int
  /// Where in the map's value the structure begins.
  let start: Int
  /// Where in the structure its name is.
  let name: Int
  let functions: [Member]

  /// Takes the arguments from the place on: five numbers in the order of the members, and two for
  /// each function.
  init?(_ arguments: ArraySlice<String>) {
    let numbers = arguments.compactMap { Int($0) }
    guard numbers.count > 5 else { return nil }
    (structure, value, valueSize) = (numbers[0], numbers[1], numbers[2])
    (start, name) = (numbers[3], numbers[4])
    functions = stride(from: 5, to: numbers.count - 1, by: 2).map {
      Member(index: numbers[$0], offset: numbers[$0 + 1])
    }
  }
}

/// A congestion control of TCP that nobody uses.
///
/// - Returns: the map that holds it, and its link.
func congestionControl(_ types: CongestionTypes) throws(SystemError) -> (map: Int32, link: Int32) {
  let (structOperations, byLink) = (26, 1 << 13)
  let map = try BPF.call(
    .mapCreate,
    Attributes().with(structOperations, at: 0).with(4, at: 4).with(types.valueSize, at: 8)
      .with(1, at: 12).with(byLink, at: 16).with("kiter_ops", at: 28)
      .with(Int(try BPF.anyTypes()), at: 48).with(types.value, at: 60))
  var value = Attributes(size: types.valueSize).with("kiter_ops", at: types.start + types.name)
  for function in types.functions {
    let program = try BPF.program(
      "congestion", type: 27, attachType: function.index, function: types.structure)
    value = value.with(wide: Int(program), at: types.start + function.offset)
  }
  try BPF.update(map, key: [0, 0, 0, 0], value: value)
  // BPF_STRUCT_OPS
  return (map, try BPF.call(.createLink, Attributes().with(Int(map), at: 0).with(44, at: 8)))
}
