public import Lifecycle
public import Reactor
public import Telemetry

/// Follows streams of the media bus on one event loop.
public actor BusReader: Service {
    /// The name for logs.
    public nonisolated let name = "bus-reader"
    /// The loop that the reader and all its handlers live on.
    public nonisolated let loop: EventLoop

    /// Runs on the loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    /// Creates a reader.
    ///
    /// - Parameters:
    ///   - found: Called on the loop for every live stream that is not followed: once when it is discovered,
    ///     and about every second while it stays live and unfollowed. ``follow(_:after:handler:)`` answers it.
    public init(
        _ configuration: BusConfiguration,
        loop: EventLoop,
        logger: Logger,
        found: @escaping @Sendable (_ streamID: String) -> Void
    ) {
        self.loop = loop
    }

    /// Reads until `shutdown` is requested.
    public func run(until shutdown: Shutdown) async throws {
        try await shutdown.requested()
    }

    /// Begins to follow a stream: after the entry `last` where it is given and still in the ring (else a
    /// gap is reported), else from the newest keyframe on.
    public func follow(_ streamID: String, after last: BusEntryID? = nil, handler: any BusStreamHandler) {}

    /// Stops following a stream; its handler is called no more.
    public func unfollow(_ streamID: String) {}

    /// Asks the publisher for a keyframe; requests are merged to one a second.
    public func askForKeyframe(of streamID: String) {}

    /// Says that `replica` wants a derived rendition for the next five seconds; renew it every two.
    public func want(_ rendition: String, of streamID: String, replica: String) {}
}
