import Contracts
import FoundationEssentials
import Lifecycle
import Reactor
import Redis
import Synchronization
import Telemetry

/// One committed fact, as it stands in the Redis stream `events`.
struct CatalogEvent: Sendable, Equatable {
    private struct About: Decodable {
        var streamId: String?
        var grant: String?
    }

    /// The ID of the entry, which orders all events.
    var id: EventPosition
    var type: String
    var subject: String
    var time: String
    /// A JSON object.
    var data: String
    /// The stream it is about.
    var stream: String?
    /// The grant it is about.
    var grant: String?
    /// Whether it was measured: it passes, and nobody who was away is told of it later.
    var isMeasurement = false

    /// Reads an entry of the stream; `nil` for what is none of ours.
    init?(_ entry: RedisValue) {
        guard let parts = entry.array, parts.count == 2, let id = parts[0].string.flatMap(EventPosition.init),
            let pairs = parts[1].pairs
        else { return nil }
        let fields = Dictionary(pairs.map { ($0.name, $0.value.string ?? "") }) { first, _ in first }
        guard let type = fields["type"], let data = fields["data"],
            let about = try? JSONDecoder().decode(About.self, from: Data(data.utf8))
        else { return nil }
        self.id = id
        self.type = type
        subject = fields["subject"] ?? ""
        time = fields["time"] ?? ""
        self.data = data
        stream = about.streamId
        grant = about.grant
    }
}

/// A place in the Redis stream `events`.
struct EventPosition: Sendable, Equatable, Comparable, CustomStringConvertible {
    var milliseconds: UInt64
    var sequence: UInt64

    init(milliseconds: UInt64, sequence: UInt64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let milliseconds = UInt64(parts[0]), let sequence = UInt64(parts[1])
        else { return nil }
        self.init(milliseconds: milliseconds, sequence: sequence)
    }

    var description: String { "\(milliseconds)-\(sequence)" }

    static func < (lhs: EventPosition, rhs: EventPosition) -> Bool {
        (lhs.milliseconds, lhs.sequence) < (rhs.milliseconds, rhs.sequence)
    }
}

/// Follows the Redis streams of events and of measurements on a connection of its own and tells every subscriber.
final class EventFeed: Service {
    /// What one look back came to.
    enum History {
        case events([CatalogEvent])
        /// The position is too old or unknown: the client must read everything again.
        case lost
    }

    /// Events that may wait for one slow subscriber; at one more it is cut off and comes back by its position.
    private static let subscriberDepth = 256
    private static let blockMilliseconds = 500
    private static let historyLimit = 5000
    private static let historyMilliseconds: UInt64 = 24 * 3600 * 1000
    private static let retryInterval: Duration = .milliseconds(500)

    private struct State {
        var subscribers: [UInt64: AsyncStream<CatalogEvent>.Continuation] = [:]
        var nextSubscriber: UInt64 = 0
        var position: EventPosition?
        /// The same among the measurements.
        var measured: EventPosition?
    }

    let name = "event-feed"
    private let follower: RedisClient
    private let redis: RedisClient
    private let loop: EventLoop
    private let logger: Logger
    private let cutOff: Counter
    /// Counts measurements that a slow subscriber was not told of.
    private let leftOut: Counter
    private let state = Mutex(State())

    /// Creates a feed that blocks on `follower` and looks back on `redis`.
    init(
        follower: RedisClient,
        redis: RedisClient,
        loop: EventLoop,
        logger: Logger,
        metrics: MetricRegistry
    ) {
        self.follower = follower
        self.redis = redis
        self.loop = loop
        self.logger = logger
        cutOff = metrics.counter("event_subscribers_cut_total", "Subscribers cut off for being too slow.")
        leftOut = metrics.counter(
            "event_measurements_left_out_total",
            "Measurements that subscribers were too slow for."
        )
    }

    /// The newest event seen.
    var position: EventPosition? { state.withLock { $0.position } }

    /// How many subscribers there are.
    var subscriberCount: Int { state.withLock { $0.subscribers.count } }

    /// Events from now on; the stream ends where its reader is too slow.
    func subscribe() -> AsyncStream<CatalogEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: CatalogEvent.self,
            bufferingPolicy: .bufferingOldest(Self.subscriberDepth)
        )
        let id = state.withLock { state in
            state.nextSubscriber += 1
            state.subscribers[state.nextSubscriber] = continuation
            return state.nextSubscriber
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.subscribers[id] = nil }
        }
        return stream
    }

    /// What happened after `position`.
    func history(after position: EventPosition, nowMilliseconds: UInt64) async throws -> History {
        guard position.milliseconds &+ Self.historyMilliseconds >= nowMilliseconds else { return .lost }
        let oldest = try await entries("XRANGE", "-", "+", limit: 1).first
        let newest = try await entries("XREVRANGE", "+", "-", limit: 1).first
        guard let oldest, let newest else { return .lost }
        guard position >= oldest.id, position <= newest.id else { return .lost }
        let events = try await entries("XRANGE", "(\(position)", "+", limit: Self.historyLimit + 1)
        return events.count > Self.historyLimit ? .lost : .events(events)
    }

    func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling { await self.follow() }
        let subscribers = state.withLock { $0.subscribers.values.map { $0 } }
        for subscriber in subscribers { subscriber.finish() }
    }

    private func follow() async {
        var isFailing = false
        while !Task.isCancelled {
            do {
                for event in try await nextEvents() { publish(event) }
                isFailing = false
            } catch {
                if !isFailing, !Task.isCancelled {
                    logger.log(.warning, "events cannot be followed", [.error: "\(error)"])
                }
                isFailing = true
                try? await loop.sleep(for: Self.retryInterval)
            }
        }
    }

    /// Begins at the end of the streams, and again where one was lost and begins anew.
    private func nextEvents() async throws -> [CatalogEvent] {
        let (newest, measured) = state.withLock { ($0.position, $0.measured) }
        guard let newest, let measured else {
            try await begin()
            return []
        }
        let reply = try await follower.command(
            "XREAD",
            "BLOCK",
            "\(Self.blockMilliseconds)",
            "COUNT",
            "256",
            "STREAMS",
            EventStream.key,
            EventStream.measurements,
            "\(newest)",
            "\(measured)"
        )
        return (reply.array ?? []).flatMap(Self.events)
    }

    private func begin() async throws {
        let last = try await entries("XREVRANGE", "+", "-", limit: 1).first?.id
        let reply = try await redis.command("XREVRANGE", EventStream.measurements, "+", "-", "COUNT", "1")
        let measured = reply.array?.first.flatMap(CatalogEvent.init)?.id
        let start = EventPosition(milliseconds: 0, sequence: 0)
        state.withLock { ($0.position, $0.measured) = (last ?? start, measured ?? start) }
    }

    /// What one of the streams has brought.
    private static func events(of stream: RedisValue) -> [CatalogEvent] {
        guard let parts = stream.array, parts.count == 2 else { return [] }
        let isMeasurement = parts[0].string == EventStream.measurements
        return (parts[1].array ?? []).compactMap(CatalogEvent.init).map { event in
            var event = event
            event.isMeasurement = isMeasurement
            return event
        }
    }

    private func publish(_ event: CatalogEvent) {
        let subscribers = state.withLock { state in
            if event.isMeasurement { state.measured = event.id } else { state.position = event.id }
            return state.subscribers.values.map { $0 }
        }
        for subscriber in subscribers {
            guard case .dropped = subscriber.yield(event) else { continue }
            guard !event.isMeasurement else {
                leftOut.increment()
                continue
            }
            cutOff.increment()
            subscriber.finish()
        }
    }

    private func entries(
        _ command: String,
        _ from: String,
        _ to: String,
        limit: Int
    ) async throws -> [CatalogEvent] {
        let reply = try await redis.command(command, EventStream.key, from, to, "COUNT", "\(limit)")
        return reply.array?.compactMap(CatalogEvent.init) ?? []
    }
}
