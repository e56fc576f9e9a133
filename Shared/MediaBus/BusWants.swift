public import Contracts
import Reactor
public import Redis

/// What workers do with the wants that readers leave on the bus; see ``BusBackChannel/want(_:of:replica:)``.
///
/// A want is a state and no job: any worker may look at any time what is wanted, and the lease of a rendition
/// decides who makes it. Where a worker dies, its lease runs out and another takes the rendition in a higher
/// epoch, which fences the first. The leases are on the bus too: without it there is nothing to make.
public struct BusWants: Sendable {
    /// What came of the attempt to claim a rendition.
    public enum Outcome: Sendable {
        /// It is the caller's to make.
        case claimed(RenditionClaim)
        /// Another worker makes it.
        case taken
        /// Its makers have died of it too often: it is left alone for ``attemptWindow``.
        case givenUp
    }

    /// How long a lease lasts unless it is renewed: after that another worker takes over.
    public static let leaseDuration = Duration.seconds(3)
    /// Makers that may die of a rendition within ``attemptWindow`` before it is left alone.
    public static let attemptLimit: Int64 = 5
    /// How long failed attempts count.
    public static let attemptWindow = Duration.seconds(60)
    /// How long the number of the last epoch is kept.
    private static let epochMemory = Duration.seconds(86_400)
    /// The first ID of ``BusKeys/wants`` there can be.
    public static let beginning = "0-0"

    private let client: RedisClient
    private let blocking: RedisClient

    /// Creates a view of the wants.
    ///
    /// - Parameters:
    ///   - client: A client of the bus.
    ///   - blocking: Another one, which does nothing else: what waits in Redis holds up all that follows.
    public init(_ client: RedisClient, waitingOn blocking: RedisClient) {
        self.client = client
        self.blocking = blocking
    }

    /// Waits until a rendition is wanted that was not before, at most for `limit`.
    ///
    /// - Parameter id: Where the last wait ended; ``beginning`` before the first.
    /// - Returns: where the next wait is to begin.
    public func wait(after id: String, atMost limit: Duration) async throws(RedisError) -> String {
        let milliseconds = max(1, limit.nanoseconds / 1_000_000)
        let reply = try await blocking.command(
            RedisCommand("XREAD", "COUNT", 64, "BLOCK", milliseconds, "STREAMS", BusKeys.wants, id),
            deadline: limit + .seconds(5)
        )
        let entries = BusStreamReply.streams(of: reply).first?.entries
        return BusStreamReply.entries(of: entries ?? .null).last.map(\.id.description) ?? id
    }

    /// The renditions that somebody wants now, in order of their names.
    public func current() async throws(RedisError) -> [BusStreamName] {
        let now = WallClock.milliseconds
        let replies = try await client.pipeline([
            RedisCommand("ZREMRANGEBYSCORE", BusKeys.wanted, "-inf", "(\(now)"),
            RedisCommand("ZRANGE", BusKeys.wanted, 0, -1),
        ])
        let names = (replies.last?.array ?? []).compactMap {
            $0.string.flatMap { BusStreamName(parsing: $0) }
        }
        return names.filter { $0.rendition?.isMadeOnDemand == true }
            .sorted { $0.description < $1.description }
    }

    /// Claims a rendition for ``leaseDuration``.
    ///
    /// - Parameter holder: What others shall read in the lease, like an address; without `|`.
    public func claim(_ name: BusStreamName, holder: String) async throws(RedisError) -> Outcome {
        let attempts = try await client.command("GET", BusKeys.attempts(name)).integer ?? 0
        guard attempts < Self.attemptLimit else { return .givenUp }
        let lease = try await RedisLease.acquire(
            BusKeys.lease(name),
            holder: holder,
            for: Self.leaseDuration,
            from: client
        )
        guard let lease else { return .taken }
        let replies = try await client.pipeline([
            RedisCommand("INCR", BusKeys.attempts(name)),
            RedisCommand("PEXPIRE", BusKeys.attempts(name), milliseconds(Self.attemptWindow), "NX"),
            RedisCommand("INCR", BusKeys.epoch(name)),
            RedisCommand("PEXPIRE", BusKeys.epoch(name), milliseconds(Self.epochMemory)),
            RedisCommand("XREVRANGE", BusKeys.media(name), "+", "-", "COUNT", 1),
        ])
        // A number that was counted by who lost the lease meanwhile is lower than the next one's.
        guard let count = replies[2].integer, lease.isHeld else { return .taken }
        let next = (BusEntryID(newestOf: replies[4])?.epoch ?? 0) &+ 1
        let epoch = max(UInt64(clamping: count), next)
        if epoch > UInt64(clamping: count) {
            // The bus has kept the samples and lost the number, or the other way round.
            try await client.command("SET", BusKeys.epoch(name), epoch)
        }
        return .claimed(RenditionClaim(name: name, epoch: epoch, lease: lease, client: client))
    }

    private func milliseconds(_ duration: Duration) -> UInt64 { duration.nanoseconds / 1_000_000 }
}

/// The right to make one rendition, as long as its lease is renewed.
public struct RenditionClaim: Sendable {
    /// What is to be made.
    public let name: BusStreamName
    /// The epoch of its writer, higher than that of every maker before.
    public let epoch: UInt64
    /// The lease, to be renewed well within ``BusWants/leaseDuration``.
    public let lease: RedisLease
    fileprivate let client: RedisClient

    /// Takes note that the making goes well: earlier attempts no longer count.
    public func succeed() async throws(RedisError) {
        try await client.command("DEL", BusKeys.attempts(name))
    }

    /// Gives the right back and wakes the other workers, should it still be wanted.
    public func release() async throws(RedisError) {
        try await lease.release()
        try await client.command(BusBackChannel.waking(for: name))
    }

    /// Gives the right back where nothing is left to make, for the session is over.
    ///
    /// What was wanted counts no longer: else every worker would begin again at once, to find the same end. Who still
    /// wants it says so again, every two seconds.
    public func retire() async throws(RedisError) {
        try await client.command("ZREM", BusKeys.wanted, name.description)
        try await lease.release()
    }

    fileprivate init(name: BusStreamName, epoch: UInt64, lease: RedisLease, client: RedisClient) {
        self.name = name
        self.epoch = epoch
        self.lease = lease
        self.client = client
    }
}
