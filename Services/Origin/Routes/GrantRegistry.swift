import Events
import Lifecycle
import Reactor
import Synchronization

/// The endless responses that are open under each grant, so that a revoked grant closes them.
final class GrantRegistry: GrantHolder {
    fileprivate struct State {
        var open: [String: [UInt64: Shutdown]] = [:]
        var nextID: UInt64 = 0
        /// When grants were revoked lately, in monotonic nanoseconds; none of them comes back.
        var revoked: [String: UInt64] = [:]
    }

    /// The grant was revoked while a response under it was being prepared.
    struct Revoked: Error {}

    /// How long a revoked grant is remembered: the gateway takes its word for a second, and what a feed waits for may
    /// take some more.
    static let memory = Duration.seconds(60)
    /// Revoked grants that are remembered; beyond it the oldest half is forgotten.
    fileprivate static let memoryLimit = 8192

    private let state = Mutex(State())

    /// Runs `operation`, cancelling it when `grant` is revoked; without a grant it just runs.
    ///
    /// - Throws: ``Revoked`` where the grant was revoked a moment ago, and what `operation` throws.
    func holding(
        _ grant: String?,
        _ operation: @escaping @Sendable () async throws -> Void
    ) async throws {
        guard let grant else { return try await operation() }
        let ended = Shutdown()
        let id = state.withLock { state -> UInt64? in
            guard state.revoked[grant] == nil else { return nil }
            state.nextID &+= 1
            state.open[grant, default: [:]][state.nextID] = ended
            return state.nextID
        }
        guard let id else { throw Revoked() }
        defer { remove(id, of: grant) }
        _ = try await ended.cancelling(operation)
    }

    /// Closes everything that is open under `grant`.
    ///
    /// - Returns: how many responses that were.
    @discardableResult
    func revoke(_ grant: String) -> Int {
        let open = state.withLock { state in
            state.remember(grant, at: EventLoop.now)
            return state.open[grant] ?? [:]
        }
        return Self.end(open)
    }

    private static func end(_ open: [UInt64: Shutdown]) -> Int {
        for ended in open.values { ended.request() }
        return open.count
    }

    /// Closes everything that is open under any grant.
    ///
    /// None of them is known to be revoked: who comes again with one is let in.
    func revokeAll() {
        let all = state.withLock { Array($0.open.values) }
        for open in all { _ = Self.end(open) }
    }

    private func remove(_ id: UInt64, of grant: String) {
        state.withLock { state in
            state.open[grant]?[id] = nil
            if state.open[grant]?.isEmpty == true { state.open[grant] = nil }
        }
    }
}

extension GrantRegistry.State {
    fileprivate mutating func remember(_ grant: String, at now: UInt64) {
        if revoked.count >= GrantRegistry.memoryLimit {
            let oldest = revoked.values.sorted()[revoked.count / 2]
            revoked = revoked.filter { $0.value > oldest }
        }
        revoked = revoked.filter { now &- $0.value < GrantRegistry.memory.nanoseconds }
        revoked[grant] = now
    }
}
