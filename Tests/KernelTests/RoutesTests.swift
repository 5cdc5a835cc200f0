import Foundation
import Testing

@Suite(.kernel) struct RoutesTests {
  private static let scene = """
    ip link add name k0 type veth peer name k1
    ip link add name k2 type veth peer name k3; ip link add name k4 type veth peer name k5
    for link in lo k0 k1 k2 k4; do ip link set $link up; done
    for link in 0 1 2 4; do ip address add 2001:db8:$link::1/64 dev k$link; done
    # Linux 6.1 refuses it.
    (echo 1 >/proc/sys/net/ipv6/conf/k4/ignore_routes_with_linkdown) 2>/dev/null || true
    route() { ip -6 route add "$@"; }
    route default via 2001:db8:0::2 dev k0 proto ra
    route 2001:db8:10::/48 via 2001:db8:0::3 dev k0 proto static metric 77 mtu 1400 advmss 1300 \\
      hoplimit 33 initcwnd 10 initrwnd 12 window 5000
    route 2001:db8:11::/48 dev k1 mtu lock 1350 rtt 200ms rttvar 100ms rto_min 40ms ssthresh 9 \\
      cwnd lock 8 reordering 5 quickack 1 fastopen_no_cookie 1 features ecn
    route blackhole 2001:db8:12::/48
    route unreachable 2001:db8:13::/48 metric 4294967295
    route prohibit 2001:db8:14::/48 table 100
    route throw 2001:db8:15::/48 table 70000
    route 2001:db8:16::/48 via 2001:db8:1::9 dev k1 expires 1000
    route 2001:db8:17::/48 nexthop via 2001:db8:0::5 dev k0 weight 3 \\
      nexthop via 2001:db8:1::5 dev k1 weight 256
    route 2001:db8:17::/48 metric 9 nexthop via fe80::5 dev k0 nexthop via fe80::5 dev k1 onlink
    route 2001:db8:18::/48 from 2001:db8:99::/56 dev k0
    route 2001:db8:19::/48 via fe80::1 dev k0 src 2001:db8:0::1 pref high
    route 2001:db8:1a::1/128 via fe80::2 dev k0 onlink pref low proto bgp
    ip nexthop add id 1 via 2001:db8:0::7 dev k0; ip nexthop add id 2 via 2001:db8:1::7 dev k1
    ip -6 nexthop add id 3 blackhole; ip -6 nexthop add id 4 dev k0
    ip nexthop add id 10 group 1,4/2,200; ip nexthop add id 11 group 1
    ip nexthop add id 12 group 1/2 type resilient buckets 32; ip nexthop add id 13 group 3
    for id in 1 3 4 10 11 12 13; do route 2001:db8:2$id::/48 nhid $id metric $id proto ospf; done
    route 2001:db8:1b::/48 encap seg6 mode encap segs 2001:db8:0::9 dev k0
    route local 2001:db8:1c::1 dev lo
    route anycast 2001:db8:1d::1 dev k0
    route multicast ff05::/16 dev k0 table local
    """

  @Test func equalsIp() throws {
    let network = try Network()
    // Not sh: that of busybox has an ip of its own.
    let made = try network.run(["bash", "-e", "-c", Self.scene])
    #expect(made.stderr == "")
    let (known, rows) = try whileUnchanged({ try Known(network) }) {
      try network.rows("routes", "--columns", "all")
    }
    var comparison = FieldComparison("routes")
    let paths = try known.paths()
    #expect(rows.count == paths.count && rows.count > 40)
    for (row, path) in zip(rows, paths) { try path.compare(&comparison, row) }
    let numbers = try known.numbersOfDevices()
    for row in rows {
      let place = row.text("destination") ?? ""
      comparison.compare(
        "ifindex", row.number("ifindex"), row.text("interface").flatMap { numbers[$0] }, in: place)
      comparison.compare("net_ns", row.number("net_ns"), Int64(known.namespace), in: place)
    }
    // Of a group of nexthops that file has the first path.
    let objects = rows.enumerated().filter { index, row in
      index == 0 || row.isNull("nexthop_id")
        || row.number("nexthop_id") != rows[index - 1].number("nexthop_id")
    }
    let lines = known.lines
    #expect(objects.count == lines.count)
    for ((_, row), line) in zip(objects, lines) { line.compare(&comparison, row) }
    try comparison.finish()
  }

  /// The kernel begins again with a table to which a route is added while it is walked.
  @Test func eachRouteIsThereOnceWhileOthersChange() throws {
    let network = try Network()
    try network.batch([
      "link add name k0 type veth peer name k1", "link set k0 up", "link set k1 up",
      "address add 2001:db8::1/64 dev k0",
    ])
    let many = (1...5000).map { "2001:dba:\(String($0, radix: 16))::" }
    try network.batch(many.map { "route add \($0)/48 via 2001:db8::2 dev k0" })
    let changes = try network.start([
      "sh", "-c",
      """
      while for id in 100 900 1000; do
        ip -6 route add 2001:dba:$id::/64 dev k0 && ip -6 route del 2001:dba:$id::/64 dev k0
      done; do :; done
      """,
    ])
    for _ in 0..<30 {
      let rows = try network.rows("routes", "--where", "gateway = '2001:db8::2'")
      #expect(rows.count == many.count)
      #expect(Set(rows.compactMap { $0.text("destination") }) == Set(many))
    }
    #expect(changes.wait(timeout: .zero) == nil, "the changes ended early")
  }

  /// More than a buffer of the kernel's holds, and of one route as many paths as ip(8) can say.
  @Test func eachPathIsThereOnce() throws {
    let network = try Network()
    try network.batch([
      "link add name k0 type veth peer name k1", "link set k0 up", "link set k1 up",
      "address add 2001:db8::1/64 dev k0",
    ])
    let gateways = (1...120).map { "2001:db8::1:\(String($0, radix: 16))" }
    let ids = gateways.indices.map { $0 + 1 }
    try network.batch(zip(ids, gateways).map { "nexthop add id \($0) via \($1) dev k0" })
    // A group has no family, so none must be said.
    let members = ids.map(String.init).joined(separator: "/")
    let group = try network.run(["ip", "nexthop", "add", "id", "1000", "group", members])
    #expect(group.stderr == "")
    try network.batch(["route add 2001:db9::/32 nhid 1000"])
    let many = (1...5000).map { "2001:dba:\(String($0, radix: 16))::" }
    try network.batch(many.map { "route add \($0)/48 via 2001:db8::2 dev k0" })
    let rows = try network.rows("routes", "--where", "protocol = 'boot' AND table_id = 254")
    let found = rows.map { [$0.text("destination"), $0.text("gateway")] }
    let expected = gateways.map { ["2001:db9::", $0] } + many.map { [$0, "2001:db8::2"] }
    #expect(found.count == expected.count)
    #expect(Set(found) == Set(expected))
  }
}

/// A network namespace of its own, which ends with this.
private final class Network {
  private let holder: Subprocess

  init() throws {
    // An address is there at once, and does not change later.
    let script = "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad; echo; exec cat"
    holder = try Subprocess(["unshare", "--net", "sh", "-c", script])
    var byte: UInt8 = 0
    // SAFETY: read is given a byte and told so.
    guard read(holder.output, &byte, 1) == 1 else {
      throw Fixture.Failure(description: "no network namespace")
    }
  }

  private var enter: [String] { ["nsenter", "--net=/proc/\(holder.pid)/ns/net"] }

  func run(_ arguments: [String], input: String = "") throws -> Command.Output {
    try Command.run(enter + arguments, input: Data(input.utf8))
  }

  func start(_ arguments: [String]) throws -> Subprocess { try Subprocess(enter + arguments) }

  /// Commands of ip(8).
  func batch(_ lines: [String]) throws {
    let output = try run(["ip", "-6", "-batch", "-"], input: lines.joined(separator: "\n") + "\n")
    guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
  }

  func rows(_ arguments: String...) throws -> [Row] {
    let output = try run([Kiter.executable()] + arguments + ["--output", "jsonl"])
    guard output.status == 0 else { throw Fixture.Failure(description: output.stderr) }
    return try output.stdout.split(separator: UInt8(ascii: "\n")).map { try Row(json: $0) }
  }
}

/// What ip(8) and the kernel's own file say of all routes.
private struct Known: Equatable {
  private let json: Data
  private let texts: [String]
  private let devices: Data
  private let file: String
  let namespace: String

  init(_ network: Network) throws {
    func output(_ arguments: String...) throws -> Data { try network.run(arguments).stdout }
    func text(_ arguments: String...) throws -> String {
      String(decoding: try network.run(arguments).stdout, as: UTF8.self)
    }
    json = try output("ip", "-6", "-details", "-json", "route", "show", "table", "all")
    texts = try text("ip", "-6", "-oneline", "route", "show", "table", "all")
      .split(separator: "\n").map(String.init)
    devices = try output("ip", "-json", "link", "show")
    file = try text("cat", "/proc/net/ipv6_route")
    namespace = try text("stat", "--dereference", "--format=%i", "/proc/self/ns/net")
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Nothing but seconds that are left has changed.
  static func == (one: Known, other: Known) -> Bool {
    func timeless(_ text: String) -> String {
      text.replacing(#/("expires":|expires )\d+/#) { $0.1 }
    }
    func parts(_ known: Known) -> [String] {
      let texts = [String(decoding: known.json, as: UTF8.self)] + known.texts
      return texts.map(timeless)
        + [String(decoding: known.devices, as: UTF8.self), known.file, known.namespace]
    }
    return parts(one) == parts(other)
  }

  func paths() throws -> [KnownPath] {
    let routes = try JSONDecoder().decode(Facts.self, from: json).array
    #expect(routes.count == texts.count)
    return try zip(routes, texts).flatMap { route, text in
      let hops = route["nexthops"].isNull ? [] : try route["nexthops"].array
      return hops.isEmpty
        ? [KnownPath(route: route, hop: route, text: text, count: 1)]
        : hops.map { KnownPath(route: route, hop: $0, text: text, count: hops.count) }
    }
  }

  func numbersOfDevices() throws -> [String: Int64] {
    let devices = try JSONDecoder().decode(Facts.self, from: devices).array
    return try devices.reduce(into: [:]) { numbers, device in
      numbers[try device["ifname"].string] = Int64(try device["ifindex"].int)
    }
  }

  /// But for those that stand for tables without a default route.
  var lines: [FileLine] {
    file.split(separator: "\n").map(FileLine.init).filter { !$0.isEmptyTable }
  }
}

/// A path of a route, as ip(8) says it.
private struct KnownPath {
  let route: Facts
  /// The part of `route` that tells of this path.
  let hop: Facts
  /// The same in words, where JSON does not say what is locked, nor the features.
  let text: String
  let count: Int

  private static let metrics = [
    "mtu": "mtu", "window_bytes": "window", "rtt_ms": "rtt", "rtt_variance_ms": "rttvar",
    "rto_min_ms": "rto_min", "ssthresh": "ssthresh", "cwnd": "cwnd", "initcwnd": "initcwnd",
    "initrwnd": "initrwnd", "advmss": "advmss", "reordering": "reordering",
    "hop_limit": "hoplimit", "quickack": "quickack", "fastopen_no_cookie": "fastopen_no_cookie",
  ]
  private static let tables = ["default": "253", "main": "254", "local": "255"]

  func compare(_ comparison: inout FieldComparison, _ row: Row) throws {
    let destination = try #require(Self.text(route["dst"]))
    func compare(text field: String, _ known: String?) {
      comparison.compare(field, row.text(field), known, in: destination)
    }
    func compare(number field: String, _ known: Int64?) {
      comparison.compare(field, row.number(field), known, in: destination)
    }
    func compare(list field: String, _ known: [String]) {
      comparison.compare(field, row.list(field), known, in: destination)
    }
    let (address, length) = Self.prefix(destination == "default" ? "::/0" : destination)
    compare(text: "destination", address)
    compare(number: "prefix_length", length)
    let source = Self.text(route["from"]).map(Self.prefix)
    compare(text: "source", source?.0)
    compare(number: "source_prefix_length", source?.1)
    compare(text: "preferred_source", Self.text(route["prefsrc"]))
    for field in ["type", "protocol"] { compare(text: field, Self.text(route[field])) }
    compare(text: "preference", Self.text(route["pref"]))
    let table = try #require(Self.text(route["table"]))
    compare(number: "table_id", Int64(Self.tables[table] ?? table))
    compare(number: "metric", try Self.number(route["metric"]))
    compare(number: "nexthop_id", try Self.number(route["nhid"]))
    // Kiter looked at most a minute later.
    let expires = try Self.number(route["expires"])
    let late = expires.flatMap { known in
      row.number("expires_ms").map { known - $0 / 1000 }
    }
    let isNear = late.map { (0...60).contains($0) } ?? false
    comparison.compare(
      "expires_ms", isNear ? expires : row.number("expires_ms"), expires, in: destination)
    compare(text: "gateway", Self.text(hop["gateway"]))
    compare(text: "interface", Self.text(hop["dev"]))
    compare(text: "encapsulation", Self.text(hop["encap"]))
    compare(list: "nexthop_flags", try hop["flags"].array.map { try $0.string })
    compare(number: "weight", try Self.number(hop["weight"]))
    compare(number: "paths", Int64(count))
    let metrics = route["metrics"].isNull ? route["metrics"] : try route["metrics"].array[0]
    for (field, metric) in Self.metrics {
      compare(number: field, try Self.number(metrics[metric]))
    }
    let words = text.split(separator: " ").map(String.init)
    compare(
      list: "locked", words.indices.dropFirst().filter { words[$0] == "lock" }.map { words[$0 - 1] }
    )
    let features = words.firstIndex(of: "features").map { [words[$0 + 1]] }
    comparison.compare("features", row.list("features"), features, in: destination)
  }

  private static func prefix(_ text: String) -> (String, Int64?) {
    let parts = text.split(separator: "/").map(String.init)
    return (parts[0], parts.count > 1 ? Int64(parts[1]) : 128)
  }

  private static func text(_ facts: Facts) -> String? { try? facts.string }

  private static func number(_ facts: Facts) throws -> Int64? {
    facts.isNull ? nil : Int64(try facts.int)
  }
}

/// A line of /proc/net/ipv6_route.
private struct FileLine {
  private let words: [Substring]

  init(_ line: Substring) { words = line.split(separator: " ") }

  /// include/uapi/linux/route.h and ipv6_route.h. Of a path that is onlink, the kernel sets `host`.
  private static let flags: [(String, Int64)] = [
    ("up", 0x1), ("gateway", 0x2), ("host", 0x4), ("reject", 0x200), ("addrconf", 0x40000),
    ("anycast", 0x100000), ("nonexthop", 0x200000), ("expires", 0x400000), ("local", 0x8000_0000),
  ]
  private static let preference: Int64 = 0x1800_0000

  var isEmptyTable: Bool { hex(1) == 0 && hex(5) == 0xffff_ffff && words.last == "lo" }

  private func hex(_ index: Int) -> Int64? { Int64(words[index], radix: 16) }

  func compare(_ comparison: inout FieldComparison, _ row: Row) {
    let place = "\(words[0])"
    for (field, index) in [("prefix_length", 1), ("metric", 5), ("refcount", 6)] {
      comparison.compare(field, row.number(field), hex(index), in: place)
    }
    comparison.compare("interface", row.text("interface"), words.last.map(String.init), in: place)
    let flags = row.list("flags")?.reduce(into: Int64(0)) { sum, name in
      sum += Self.flags.first { $0.0 == name }?.1 ?? 0
    }
    comparison.compare("flags", flags, hex(8).map { $0 & ~Self.preference }, in: place)
  }
}
