import Reactor
import Synchronization

/// The exclusive right to something for a time, held under one key.
///
/// The value is `<holder>|<token>`; only who knows the token can renew or release it.
public final class RedisLease: Sendable {
    /// What the lease's own clock takes off, so that the holder stops before Redis lets another in.
    public static let safetyMargin = Duration.seconds(1)

    private static let renewal = """
        if redis.call('GET', KEYS[1]) == ARGV[1] then \
        return redis.call('PEXPIRE', KEYS[1], ARGV[2]) else return 0 end
        """
    private static let removal = """
        if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end
        """

    private static let reclaim = """
        local value = redis.call('GET', KEYS[1]) \
        if value and string.sub(value, 1, #ARGV[2]) ~= ARGV[2] then return 0 end \
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3]) return 1
        """

    /// The key.
    public let key: String
    /// The value, unique to this lease.
    public let value: String
    private let client: RedisClient
    private let duration: Duration
    private let expiry: Atomic<UInt64>

    /// A lease that is yet to be taken; its time runs from now on.
    private init(client: RedisClient, key: String, holder: String, duration: Duration) {
        self.client = client
        self.key = key
        value = "\(holder)|\(String(UInt64.random(in: .min ... .max), radix: 36))"
        self.duration = duration
        expiry = Atomic(EventLoop.now &+ duration.nanoseconds)
    }

    /// Takes the lease, if nobody holds it.
    ///
    /// - Parameters:
    ///   - holder: What others shall read in the key, like an address; without `|`.
    ///   - duration: How long it lasts unless renewed; more than ``safetyMargin``.
    /// - Returns: `nil` where another holds it.
    public static func acquire(
        _ key: String,
        holder: String,
        for duration: Duration,
        from client: RedisClient
    ) async throws(RedisError) -> RedisLease? {
        let lease = RedisLease(client: client, key: key, holder: holder, duration: duration)
        let reply = try await client.command("SET", key, lease.value, "NX", "PX", milliseconds(duration))
        return reply.isNull ? nil : lease
    }

    /// Takes the lease if nobody holds it, or one that called itself the same: this holder before it was killed.
    ///
    /// - Parameters:
    ///   - holder: What no two that live at once may call themselves.
    ///   - duration: How long it lasts unless renewed; more than ``safetyMargin``.
    /// - Returns: `nil` where another holds it.
    public static func reclaim(
        _ key: String,
        holder: String,
        for duration: Duration,
        from client: RedisClient
    ) async throws(RedisError) -> RedisLease? {
        let lease = RedisLease(client: client, key: key, holder: holder, duration: duration)
        let reply = try await client.command(
            "EVAL",
            reclaim,
            1,
            key,
            lease.value,
            "\(holder)|",
            milliseconds(duration)
        )
        return reply.integer == 1 ? lease : nil
    }

    /// Who holds the lease under `key`, as it called itself, or `nil` where nobody does.
    public static func holder(of key: String, in client: RedisClient) async throws(RedisError) -> String? {
        let value = try await client.command("GET", key).string
        return value.map { String($0.prefix { $0 != "|" }) }
    }

    /// Whether the lease surely holds now, by this machine's own clock and ``safetyMargin``.
    public var isHeld: Bool {
        EventLoop.now &+ Self.safetyMargin.nanoseconds < expiry.load(ordering: .relaxed)
    }

    /// Lengthens the lease to its full duration from now on.
    ///
    /// - Returns: `false` where it was lost; it is then over for good.
    public func renew() async throws(RedisError) -> Bool {
        let start = EventLoop.now
        let duration = duration
        let reply = try await client.command(
            "EVAL",
            Self.renewal,
            1,
            key,
            value,
            Self.milliseconds(duration)
        )
        let isRenewed = reply.integer == 1
        expiry.store(isRenewed ? start &+ duration.nanoseconds : 0, ordering: .relaxed)
        return isRenewed
    }

    /// Gives the lease back; harmless where it was lost.
    public func release() async throws(RedisError) {
        expiry.store(0, ordering: .relaxed)
        try await client.command("EVAL", Self.removal, 1, key, value)
    }

    private static func milliseconds(_ duration: Duration) -> UInt64 { duration.nanoseconds / 1_000_000 }
}
