import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Takes connections, a bounded number at once.
final class Server: Sendable {
  private let scrapes: Scrapes
  private let timeout: TimeAmount
  private let maxClients: Int
  private let clients = Mutex(0)

  init(_ scrapes: Scrapes, timeout: TimeAmount, maxClients: Int) {
    self.scrapes = scrapes
    self.timeout = timeout
    self.maxClients = maxClients
  }

  /// Begins to listen.
  ///
  /// - Throws: `IOError` if that cannot be.
  func start(at address: ListenAddress) throws -> any Channel {
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
      .serverChannelOption(.backlog, value: 128)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { [self] channel in
        channel.eventLoop.makeCompletedFuture { try prepare(channel) }
      }
    return switch address {
    case .port(let host, let number): try bootstrap.bind(host: host, port: number).wait()
    case .unix(let path):
      try bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).wait()
    }
  }

  private func prepare(_ channel: any Channel) throws {
    let isOneTooMany = clients.withLock { clients in
      clients += 1
      return clients > maxClients
    }
    channel.closeFuture.whenComplete { [self] _ in clients.withLock { $0 -= 1 } }
    if isOneTooMany { throw ChannelError.connectTimeout(.zero) }
    // However slowly a client asks or reads: its connection ends.
    let limit = timeout + RequestHandler.timeForClient
    let end = channel.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    channel.closeFuture.whenComplete { _ in end.cancel() }
    let pipeline = channel.pipeline.syncOperations
    try pipeline.configureHTTPServerPipeline(
      withPipeliningAssistance: false, withErrorHandling: true)
    try pipeline.addHandler(RequestHandler(scrapes, timeout: timeout))
  }
}
