import ArgumentParser
import NIOCore
import NIOPosix
import RecordQuery

/// `kiter-exporter`: answers scrapes until it is ended.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Answer scrapes (what happens without a subcommand).")

  @OptionGroup var places: Places

  @Option(
    help: ArgumentHelp("Address and port, or unix:/path.", valueName: "address"))
  var listen = ListenAddress.port(host: "127.0.0.1", number: 10420)

  @Option(help: ArgumentHelp("Samples of each metric, at most.", valueName: "number"))
  var maxSeries = 1000

  @Option(help: ArgumentHelp("Seconds that a scrape may take.", valueName: "seconds"))
  var timeout = 10

  @Option(help: ArgumentHelp("Clients at once, at most.", valueName: "number"))
  var maxClients = 128

  func validate() throws {
    guard (1...1_000_000).contains(maxSeries), (1...3600).contains(timeout),
      (1...100_000).contains(maxClients)
    else {
      throw ValidationError("--max-series, --timeout and --max-clients take positive numbers")
    }
  }

  func run() throws {
    do { try serve() } catch {
      report("\(error)")
      throw ExitCode(1)
    }
  }

  private func serve() throws {
    let collector = try Collector(
      MetricFolder(path: places.metrics).metrics(), metricTables(places.pinFolder),
      limit: maxSeries, time: UInt64(timeout) * 1_000_000_000)
    // Statements end in time; a walk that the kernel does not end has two seconds more.
    let server = Server(
      Scrapes(collector), timeout: .seconds(Int64(timeout) + 2), maxClients: maxClients)
    let channel = try server.start(at: listen)
    report("listening at \(listen.with(port: channel.localAddress?.port))")
    try channel.closeFuture.wait()
  }
}
