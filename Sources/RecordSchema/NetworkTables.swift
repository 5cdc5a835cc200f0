extension Schema {
  /// The iterators that show one network namespace, the one in which their walk was started.
  private static var networkTargets: [String] { ["tcp", "udp", "unix", "netlink"] }

  /// Do its walks show one network namespace? Then there can be one in each, if they give a file.
  public var isOfNetworkNamespace: Bool {
    !programs.isEmpty && field("net_ns") != nil
      && programs.allSatisfy { Self.networkTargets.contains($0.target) && $0.direct == nil }
  }

  /// Makes a column one of those that are shown if none are named.
  public mutating func showByDefault(_ column: String) {
    for index in fields.indices where fields[index].name == column {
      fields[index].isDefault = true
    }
  }
}
