/// What a load is told, beside the program itself.
struct LoadSettings {
  /// Bytes of `struct kiter_config`: columns, slots, parameters.
  var constants: [UInt8]
  /// Scratch slots.
  var slots: UInt32 = 1
  /// Pieces of mapped memory; the map for none is not made.
  var chunks: UInt32 = 0

  /// The size of a map that is not what the object file says.
  func entries(of map: String) -> UInt32? {
    switch map {
    case "kiter_slots": slots
    case "kiter_chunks": chunks
    default: nil
    }
  }
}

extension ProgramImage {
  /// The map whose content is the constants.
  static var constantsName: String { ".rodata.config" }
}
