import MetricsText
import NIOCore
import NIOHTTP1

/// Answers one request, and closes the connection.
final class RequestHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  /// How long a client may take to ask and to read, beside the scrape.
  static let timeForClient = TimeAmount.seconds(10)

  private let scrapes: Scrapes
  private let timeout: TimeAmount
  private var request: HTTPRequestHead?
  private var isAnswered = false

  init(_ scrapes: Scrapes, timeout: TimeAmount) {
    self.scrapes = scrapes
    self.timeout = timeout
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head) where request == nil:
      request = head
      answer(head, context)
    // What follows is not for us: a body, or another request.
    default: break
    }
  }

  /// Broken requests; the handler before this one answers 400.
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    guard head.method == .GET || head.method == .HEAD else {
      return send(.methodNotAllowed, "only GET and HEAD\n", context)
    }
    switch head.uri.prefix(while: { $0 != "?" }) {
    case "/metrics": scrape(head, context)
    case "/healthz": send(.ok, "ok\n", context)
    case "/":
      let page = "<!DOCTYPE html><title>kiter-exporter</title><a href=\"/metrics\">metrics</a>\n"
      send(.ok, page, type: "text/html; charset=utf-8", context)
    default: send(.notFound, "there is /metrics, /healthz and /\n", context)
    }
  }

  private func scrape(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let accepted = head.headers[canonicalForm: "accept"].joined(separator: ",")
    let format = Exposition.Format(accepting: accepted)
    let place = Exposition.Format.allCases.firstIndex(of: format) ?? 0
    let handler = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let late = context.eventLoop.scheduleTask(in: timeout) {
      let (handler, context) = handler.value
      handler.send(.serviceUnavailable, "the scrape takes too long\n", context)
    }
    scrapes.texts(on: context.eventLoop).whenSuccess { texts in
      late.cancel()
      let (handler, context) = handler.value
      handler.send(.ok, texts[place], type: format.contentType, context)
    }
  }

  private func send(
    _ status: HTTPResponseStatus, _ text: String, type: String = "text/plain; charset=utf-8",
    _ context: ChannelHandlerContext
  ) {
    guard !isAnswered, context.channel.isActive else { return }
    isAnswered = true
    let body = context.channel.allocator.buffer(string: text)
    let headers: HTTPHeaders = [
      "Content-Type": type, "Content-Length": "\(body.readableBytes)", "Connection": "close",
    ]
    let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if request?.method != .HEAD {
      context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    }
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
      channel.close(promise: nil)
    }
  }
}
