import Events
import Lifecycle
import Synchronization

/// The endless responses that are open under each grant, so that a revoked grant closes them.
final class GrantRegistry: GrantHolder {
    private struct State {
        var open: [String: [UInt64: Shutdown]] = [:]
        var nextID: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Runs `operation`, cancelling it when `grant` is revoked; without a grant it just runs.
    func holding(
        _ grant: String?,
        _ operation: @escaping @Sendable () async throws -> Void
    ) async throws {
        guard let grant else { return try await operation() }
        let ended = Shutdown()
        let id = state.withLock { state in
            state.nextID &+= 1
            state.open[grant, default: [:]][state.nextID] = ended
            return state.nextID
        }
        defer { remove(id, of: grant) }
        _ = try await ended.cancelling(operation)
    }

    /// Closes everything that is open under `grant`.
    ///
    /// - Returns: how many responses that were.
    @discardableResult
    func revoke(_ grant: String) -> Int {
        let open = state.withLock { $0.open[grant] ?? [:] }
        for ended in open.values { ended.request() }
        return open.count
    }

    /// Closes everything that is open under any grant.
    func revokeAll() {
        let grants = state.withLock { Array($0.open.keys) }
        for grant in grants { revoke(grant) }
    }

    private func remove(_ id: UInt64, of grant: String) {
        state.withLock { state in
            state.open[grant]?[id] = nil
            if state.open[grant]?.isEmpty == true { state.open[grant] = nil }
        }
    }
}
