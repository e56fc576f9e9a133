public import Contracts
import Reactor
public import Redis

/// What readers tell writers and workers, over the bus.
public struct BusBackChannel: Sendable {
    /// How long a want lasts unless it is renewed.
    public static let wantDuration = Duration.seconds(5)
    /// How long a request that nobody takes is kept, in seconds.
    private static let askExpiry = 5
    /// Requests taken at a time.
    private static let askLimit = 64

    private let client: RedisClient

    /// Creates a back channel over a client of the bus.
    public init(_ client: RedisClient) { self.client = client }

    /// Asks the publisher of a stream for a keyframe: of all its layers, or of the one that a rendition carries.
    ///
    /// Equal requests are one until they are taken.
    public func askForKeyframe(
        of streamID: String,
        _ request: KeyframeRequest = .all
    ) async throws(RedisError) {
        let key = BusKeys.ask(streamID)
        _ = try await client.pipeline([
            RedisCommand("SADD", key, request.description), RedisCommand("EXPIRE", key, Self.askExpiry),
        ])
    }

    /// Takes the requests for keyframes of a stream.
    public func takeKeyframeRequests(of streamID: String) async throws(RedisError) -> Set<KeyframeRequest> {
        try await takeKeyframeRequests(of: [streamID])[streamID] ?? []
    }

    /// Takes the requests for keyframes of many streams in one go; streams without any are left out.
    public func takeKeyframeRequests(
        of streamIDs: [String]
    ) async throws(RedisError) -> [String: Set<KeyframeRequest>] {
        let commands = streamIDs.map { RedisCommand("SPOP", BusKeys.ask($0), Self.askLimit) }
        var requests: [String: Set<KeyframeRequest>] = [:]
        for (streamID, reply) in zip(streamIDs, try await client.pipeline(commands)) {
            for case let text? in (reply.array ?? []).map(\.string) {
                if let request = KeyframeRequest(parsing: text) {
                    requests[streamID, default: []].insert(request)
                }
            }
        }
        return requests
    }

    /// Says that `replica` wants a rendition for ``wantDuration`` from now; to be renewed every two seconds.
    ///
    /// Where nobody wanted it before, the workers are woken.
    public func want(
        _ rendition: RenditionName,
        of streamID: String,
        replica: String
    ) async throws(RedisError) {
        let lifetime = Self.wantDuration.nanoseconds / 1_000_000
        let expiry = WallClock.milliseconds + lifetime
        let key = BusKeys.want(streamID)
        let name = BusStreamName(streamID, rendition: rendition)
        let replies = try await client.pipeline([
            RedisCommand("ZADD", key, expiry, "\(rendition)/\(replica)"),
            RedisCommand("PEXPIRE", key, 2 * lifetime),
            RedisCommand("ZADD", BusKeys.wanted, "GT", expiry, name.description),
        ])
        guard replies.last?.integer == 1 else { return }
        try await client.command(Self.waking(for: name))
    }

    /// The command that wakes workers for a rendition.
    static func waking(for name: BusStreamName) -> RedisCommand {
        RedisCommand(
            "XADD",
            BusKeys.wants,
            "MAXLEN",
            "~",
            BusKeys.wantsLength,
            "*",
            BusKeys.wantsField,
            name.description
        )
    }

    /// The renditions that somebody wants now.
    public func wantedRenditions(of streamID: String) async throws(RedisError) -> Set<RenditionName> {
        let now = WallClock.milliseconds
        let reply = try await client.command("ZRANGEBYSCORE", BusKeys.want(streamID), now, "+inf")
        let names = (reply.array ?? []).compactMap { $0.string?.split(separator: "/").first }
        return Set(names.compactMap { RenditionName(parsing: $0) })
    }
}
