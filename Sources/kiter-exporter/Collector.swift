import Glibc
import IteratorCatalog
import KernelIterators
import MetricsText
import RecordQuery
import RecordSchema

/// Asks all metrics in turn. It belongs to one thread, that of the scrapes.
final class Collector {
  private let queries: [MetricQuery]
  private let database: QueryDatabase
  /// Nanoseconds that all statements of a scrape may take.
  private let time: UInt64
  /// What was last said of each metric, to say it once.
  private var said: [String: String] = [:]

  /// Opens the tables.
  ///
  /// - Parameters:
  ///   - metrics: what to ask.
  ///   - tables: whom to ask.
  ///   - limit: samples of a metric.
  ///   - time: nanoseconds for a scrape.
  /// - Throws: `QueryError`.
  init(_ metrics: [Metric], _ tables: [QueryTable], limit: Int, time: UInt64) throws(QueryError) {
    queries = metrics.map { MetricQuery(metric: $0, limit: limit) }
    database = try QueryDatabase(tables: tables, host: .live())
    self.time = time
  }

  /// One look at everything, as a text for each format. A metric that cannot be had is left out, and
  /// counted as failed.
  func collect() -> [String] {
    let begin = clockTime(CLOCK_MONOTONIC)
    var own = OwnMetrics()
    let answers = queries.map { query in
      let start = clockTime(CLOCK_MONOTONIC)
      // Half of what is left: one that takes long leaves some for the others.
      database.deadline = start + (begin + time - min(start, begin + time)) / 2
      let answer = answer(to: query)
      own.add(query.metric.name, answer, seconds: Self.seconds(since: start))
      return answer
    }
    let ownMetrics = own.metrics(scrape: Self.seconds(since: begin))
    return Exposition.Format.allCases.map { format in
      var text = Exposition(format)
      for (query, answer) in zip(queries, answers) {
        if let answer { text.add(query.metric, answer.samples) }
      }
      for (metric, samples) in ownMetrics { text.add(metric, samples) }
      return text.finish()
    }
  }

  private func answer(to query: MetricQuery) -> MetricQuery.Answer? {
    let name = query.metric.name
    do {
      let answer = try query.run(on: database)
      say(
        answer.cut == 0
          ? nil : "more than \(query.limit) samples, the others are cut; see --max-series", of: name
      )
      return answer
    } catch {
      say("\(error)", of: name)
      return nil
    }
  }

  private func say(_ text: String?, of metric: String) {
    guard said[metric] != text else { return }
    said[metric] = text
    report("\(metric): \(text ?? "all is well again")")
  }

  private static func seconds(since start: UInt64) -> Double {
    Double(clockTime(CLOCK_MONOTONIC) - start) / 1e9
  }
}
