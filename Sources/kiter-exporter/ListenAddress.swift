import ArgumentParser

/// Where clients connect: a port of an address, or a Unix socket.
enum ListenAddress: Equatable, ExpressibleByArgument {
  case port(host: String, number: Int)
  case unix(path: String)

  /// Reads `127.0.0.1:10420`, `[::1]:10420` or `unix:/path`.
  init?(argument: String) {
    if argument.hasPrefix("unix:") {
      let path = String(argument.dropFirst("unix:".count))
      guard path.hasPrefix("/") else { return nil }
      self = .unix(path: path)
      return
    }
    guard let colon = argument.lastIndex(of: ":"),
      let number = UInt16(argument[argument.index(after: colon)...])
    else { return nil }
    var host = argument[..<colon]
    if host.hasPrefix("[") && host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    guard !host.isEmpty else { return nil }
    self = .port(host: String(host), number: Int(number))
  }

  var defaultValueDescription: String { description }

  /// The same with the port that was chosen, where it is for the kernel to choose (0).
  func with(port: Int?) -> ListenAddress {
    guard case .port(let host, _) = self, let port else { return self }
    return .port(host: host, number: port)
  }
}

extension ListenAddress: CustomStringConvertible {
  var description: String {
    switch self {
    case .port(let host, let number):
      host.contains(":") ? "[\(host)]:\(number)" : "\(host):\(number)"
    case .unix(let path): "unix:\(path)"
    }
  }
}
