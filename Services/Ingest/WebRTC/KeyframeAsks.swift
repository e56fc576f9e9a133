import Contracts
import MediaBus
import Reactor

/// Asks the bus for what readers want of the publishers of one server: one question at a time, for all of them.
actor KeyframeAsks: LoopActor {
    /// The time between the beginnings of two questions, which a slow bus makes longer.
    static let interval: UInt64 = 100_000_000

    nonisolated let loop: EventLoop

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    private let shard: BusShard
    private let errands: Errands
    private let found: @Sendable (_ streamID: String, Set<KeyframeRequest>) -> Void
    private var next: UInt64 = 0
    private var isUnderWay = false

    /// Creates what has asked nothing yet; `found` is called on the loop with what somebody wants.
    init(
        shard: BusShard,
        errands: Errands,
        found: @escaping @Sendable (_ streamID: String, Set<KeyframeRequest>) -> Void
    ) {
        self.shard = shard
        self.errands = errands
        self.found = found
        loop = shard.loop
    }

    /// Whether it is time for the next question.
    func isDue(at now: UInt64) -> Bool { !isUnderWay && now >= next }

    /// Asks for what is wanted of some streams, unless the question before is still open.
    func ask(of streamIDs: [String], at now: UInt64) {
        guard isDue(at: now) else { return }
        next = now &+ Self.interval
        isUnderWay = errands.run { await self.take(streamIDs) }
    }

    private func take(_ streamIDs: [String]) async {
        defer { isUnderWay = false }
        // What cannot be asked is asked again, and what readers miss they want again.
        guard let requests = try? await shard.takeKeyframeRequests(of: streamIDs) else { return }
        for (streamID, wanted) in requests { found(streamID, wanted) }
    }
}
