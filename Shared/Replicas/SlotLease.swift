public import Lifecycle
import Reactor
public import Redis
import Synchronization
public import Telemetry

/// The number of this replica among all of its service: the least that nobody has.
///
/// It says which port the replica's media use, and stands in the addresses of its sessions, so that any replica can
/// pass on what is another's.
public final class SlotLease: Service {
    private static let duration = Duration.seconds(10)
    private static let renewal = Duration.seconds(3)
    private static let retryDelay = Duration.milliseconds(200)

    private struct State {
        var slot: Int?
        var isOthers = false
    }

    /// The name in logs.
    public let name = "slot"
    private let service: String
    private let address: String
    private let limit: Int
    private let client: RedisClient
    private let logger: Logger
    private let occupy: @Sendable (Int) async -> Bool
    private let state = Mutex(State())

    /// Creates a lease that ``run(until:)`` takes and keeps.
    ///
    /// - Parameters:
    ///   - service: Whose replicas are counted.
    ///   - address: Where the other replicas reach this one.
    ///   - limit: How many slots there are.
    ///   - occupy: Makes a slot one's own, like by opening its port; where it returns `false` the next one is tried.
    ///     Where it has returned `true` it is not called again.
    public init(
        of service: String,
        address: String,
        limit: Int,
        client: RedisClient,
        logger: Logger,
        occupy: @escaping @Sendable (Int) async -> Bool
    ) {
        self.service = service
        self.address = address
        self.limit = limit
        self.client = client
        self.logger = logger
        self.occupy = occupy
    }

    /// The slot, once there is one; it stays the same until the process ends.
    public var slot: Int? { state.withLock { $0.slot } }

    /// The slot, unless another replica has taken it meanwhile: what is begun under its number then is the other's.
    ///
    /// While nobody can be asked, nobody can have taken it.
    public var held: Int? { state.withLock { $0.isOthers ? nil : $0.slot } }

    /// Where the replica can be reached that opened a session; `nil` where this one did, or nobody can have.
    func otherHolder(of session: String) async -> String? {
        let number = session.prefix { $0 != "-" }
        guard let slot = Int(number), slot != self.slot, (0..<limit).contains(slot) else { return nil }
        return try? await RedisLease.holder(of: key(slot), in: client)
    }

    /// Where the other replicas can be reached, as far as that is known.
    func others() async -> [String] {
        let keys = (0..<limit).filter { $0 != slot }.map(key)
        guard !keys.isEmpty else { return [] }
        let reply = try? await client.command(RedisCommand(arguments: ["MGET"] + keys))
        let holders = (reply?.array ?? []).compactMap { $0.string.map { String($0.prefix { $0 != "|" }) } }
        // A slot that this replica had before it was killed is held a moment longer.
        return holders.filter { $0 != address }
    }

    /// The slots that no replica has.
    public func vacant() async throws(RedisError) -> [Int] {
        let slots = Array(0..<limit)
        let reply = try await client.command(RedisCommand(arguments: ["MGET"] + slots.map(key)))
        guard let holders = reply.array, holders.count == slots.count else { return [] }
        return slots.filter { holders[$0].isNull }
    }

    /// Takes a slot and keeps it until `shutdown` is requested.
    public func run(until shutdown: Shutdown) async throws {
        var lease: RedisLease?
        while !shutdown.isRequested {
            do throws(RedisError) {
                if let held = lease {
                    if try await !held.renew() { lease = nil }
                } else {
                    lease = try await take()
                }
            } catch {
                logger.log(.debug, "the slot cannot be renewed", [.error: "\(error)"])
            }
            let pause = lease == nil ? Self.retryDelay : Self.renewal
            _ = try? await shutdown.cancelling { try await self.client.loop.sleep(for: pause) }
        }
        try? await lease?.release()
    }

    /// The slot that was held before, where there was one: its sessions are still open.
    private func take() async throws(RedisError) -> RedisLease? {
        if let slot { return try await takeAgain(slot) }
        for slot in 0..<limit {
            guard let lease = try await acquire(slot) else { continue }
            guard await occupy(slot) else {
                try await lease.release()
                continue
            }
            state.withLock { $0.slot = slot }
            logger.log(.info, "took a slot", [.slot: slot])
            return lease
        }
        return nil
    }

    private func takeAgain(_ slot: Int) async throws(RedisError) -> RedisLease? {
        let lease = try await acquire(slot)
        let isChange = state.withLock { state in
            defer { state.isOthers = lease == nil }
            return state.isOthers != (lease == nil)
        }
        guard isChange else { return lease }
        if lease == nil {
            logger.log(.error, "another replica has taken the slot", [.slot: slot])
        } else {
            logger.log(.notice, "the slot is this replica's again", [.slot: slot])
        }
        return lease
    }

    /// Who has the same address is what this replica was before it was killed.
    private func acquire(_ slot: Int) async throws(RedisError) -> RedisLease? {
        try await RedisLease.reclaim(key(slot), holder: address, for: Self.duration, from: client)
    }

    private func key(_ slot: Int) -> String { "lease:\(service):slot:\(slot)" }
}

extension LogKey {
    /// The number of a replica.
    public static let slot = LogKey(rawValue: "replica.slot")
}
