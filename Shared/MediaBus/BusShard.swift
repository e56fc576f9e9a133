public import Contracts
public import Lifecycle
public import Media
public import Reactor
public import Telemetry

/// The writers of one event loop, flushed together over one connection.
public actor BusShard: Service {
    /// The name for logs.
    public nonisolated let name = "bus-shard"
    /// The loop that the shard and its writers live on.
    public nonisolated let loop: EventLoop

    /// Runs on the loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    /// Creates a shard; `budget` is shared by all shards of the process.
    public init(
        _ configuration: BusConfiguration,
        budget: OutageBudget,
        loop: EventLoop,
        logger: Logger
    ) {
        self.loop = loop
    }

    /// Whether the bus can be reached.
    public nonisolated var isConnected: Bool { false }

    /// Flushes until `shutdown` is requested and everything written before it is on the bus.
    public func run(until shutdown: Shutdown) async throws {
        try await shutdown.requested()
    }

    /// Opens a session: writes its description and announces it.
    ///
    /// - Parameters:
    ///   - session: The session; its epoch must be higher than that of every writer before.
    ///   - tracks: The configurations of its current tracks.
    ///   - resumes: Whether an earlier epoch of the same session has been on the bus; readers are told that
    ///     the publisher is back.
    ///   - observer: Called on the loop with what the publisher must act on.
    /// - Throws: ``BusError``: `full`, `fenced` or `unavailable`.
    public func open(
        _ session: SessionDescription,
        tracks: [TrackConfiguration],
        resumes: Bool = false,
        observer: @escaping @Sendable (BusWriter.Event) -> Void
    ) async throws(BusError) -> BusWriter {
        BusWriter(loop: loop)
    }

    /// What an earlier epoch of the session left on the bus, for a publisher that has come back.
    public func resumption(of streamID: String) async throws(BusError) -> BusResumption? { nil }

    /// Whether a publisher of the stream has sent media within the last two seconds.
    public func isPublisherActive(_ streamID: String) async throws(BusError) -> Bool { false }
}

/// Where an earlier epoch of a session ended.
public struct BusResumption: Sendable, Equatable {
    /// The session as it was described last.
    public var session: SessionDescription
    /// All configurations that were described, of every generation.
    public var tracks: [TrackConfiguration]
    /// Where the stamper goes on.
    public var stamps: Stamper.ResumePoint
    /// The end of the newest sample on the session's timeline.
    public var end: MediaTime
}
