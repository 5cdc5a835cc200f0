/// What a load is told, beside the program itself.
struct LoadSettings {
  /// Bytes of `struct kiter_config`: columns, slots, parameters.
  var constants: [UInt8]
  /// The sizes of maps that are not what the object file says, by name. A map for nothing is not
  /// made.
  var entries: [String: UInt32] = [:]
}

extension ProgramImage {
  /// The map whose content is the constants.
  static var constantsName: String { ".rodata.config" }
}
