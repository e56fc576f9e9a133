public import Contracts
public import Media
public import Reactor

/// Writes one published stream; on the loop of its ``BusShard``, so a publisher there calls it by
/// `assumeIsolated`, without a hop.
public actor BusWriter {
    /// What the publisher must act on.
    public enum Event: Sendable, Equatable {
        /// A publisher of a higher epoch has the stream: close this one. Nothing more is written.
        case fenced
        /// There is no room to keep samples until the bus is back: close the publisher. What is kept is
        /// still written when the bus comes back.
        case outageBufferFull
        /// A reader asks for a keyframe; an RTMP publisher cannot give one.
        case keyframeWanted
    }

    /// The loop.
    public nonisolated let loop: EventLoop

    /// Runs on the loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    init(loop: EventLoop) { self.loop = loop }

    /// Adds a stamped sample; it is flushed within the tick. Ignored after the end and when fenced.
    ///
    /// - Precondition: the payload has at most ``BusEntry/maximumSampleByteCount`` bytes.
    public func append(_ sample: BusSample) {}

    /// Replaces the description and adds configurations; the next entry tells readers to read them.
    public func describe(_ session: SessionDescription, tracks: [TrackConfiguration]) {}

    /// Tells readers that the publisher is gone and may come back, in a new epoch with a writer of its own;
    /// the stream stays live by heartbeat.
    public func markAway() {}

    /// Ends the session: tells readers, removes the stream from the live set and lets the keys expire.
    public func end() async {}

    /// Lets go of the stream without ending the session, after what was appended is on the bus (or after a
    /// few seconds without the bus).
    public func close() async {}
}
