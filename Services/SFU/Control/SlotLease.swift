import Lifecycle
import Reactor
import Redis
import Synchronization
import Telemetry

/// The number of this replica among all: the least that nobody has.
///
/// It stands in the addresses of its sessions, so
/// that any replica can pass on what is another's.
final class SlotLease: Service {
    /// The most replicas.
    static let slotLimit = 1024
    /// The replicas that are asked where all are.
    private static let peerLimit = 64
    private static let duration = Duration.seconds(10)
    private static let renewal = Duration.seconds(3)
    private static let retryDelay = Duration.milliseconds(200)

    let name = "slot"
    private let client: RedisClient
    private let address: String
    private let logger: Logger
    private let current = Mutex<Int?>(nil)

    init(client: RedisClient, address: String, logger: Logger) {
        self.client = client
        self.address = address
        self.logger = logger
    }

    /// The slot, once there is one; it stays the same until the process ends.
    var slot: Int? { current.withLock { $0 } }

    /// Where the replica of a slot can be reached; `nil` where there is none.
    func holder(of slot: Int) async throws(RedisError) -> String? {
        try await RedisLease.holder(of: Self.key(slot), in: client)
    }

    /// Where the other replicas can be reached, as far as that is known.
    func others() async -> [String] {
        let keys = (0..<Self.peerLimit).filter { $0 != slot }.map(Self.key)
        let reply = try? await client.command(RedisCommand(arguments: ["MGET"] + keys))
        let holders = (reply?.array ?? []).compactMap { $0.string.map { String($0.prefix { $0 != "|" }) } }
        // A slot that this replica had before it was started anew is held a moment longer.
        return holders.filter { $0 != address }
    }

    /// Takes a slot and keeps it until `shutdown` is requested.
    func run(until shutdown: Shutdown) async throws {
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
        if let slot { return try await acquire(slot) }
        for slot in 0..<Self.slotLimit {
            guard let lease = try await acquire(slot) else { continue }
            current.withLock { $0 = slot }
            logger.log(.info, "took a slot", [.slot: slot])
            return lease
        }
        return nil
    }

    private func acquire(_ slot: Int) async throws(RedisError) -> RedisLease? {
        try await RedisLease.acquire(Self.key(slot), holder: address, for: Self.duration, from: client)
    }

    private static func key(_ slot: Int) -> String { "lease:sfu:slot:\(slot)" }
}

extension LogKey {
    static let slot = LogKey(rawValue: "sfu.slot")
}
