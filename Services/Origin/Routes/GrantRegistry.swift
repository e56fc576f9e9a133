import Events
import Lifecycle
import Reactor
import Synchronization

/// The endless responses that are open under each grant, so that a revoked grant closes them.
final class GrantRegistry: GrantHolder {
    private struct State {
        var open: [String: [UInt64: Shutdown]] = [:]
        var nextID: UInt64 = 0
        var revoked = RevokedGrants()
    }

    /// The grant was revoked while a response under it was being prepared.
    struct Revoked: Error {}

    private let state = Mutex(State())

    /// Runs `operation`, cancelling it when one of `grants` is revoked; without a grant it just runs.
    ///
    /// - Throws: ``Revoked`` where one was revoked a moment ago, and what `operation` throws.
    func holding(
        _ grants: [String],
        _ operation: @escaping @Sendable () async throws -> Void
    ) async throws {
        let ended = Shutdown()
        let id = state.withLock { state -> UInt64? in
            guard !state.revoked.contains(grants) else { return nil }
            state.nextID &+= 1
            for grant in grants { state.open[grant, default: [:]][state.nextID] = ended }
            return state.nextID
        }
        guard let id else { throw Revoked() }
        defer { remove(id, of: grants) }
        _ = try await ended.cancelling(operation)
    }

    /// Closes everything that is open under `grant`.
    ///
    /// - Returns: how many responses that were.
    @discardableResult
    func revoke(_ grant: String) -> Int {
        let open = state.withLock { state in
            state.revoked.note(grant, at: EventLoop.now)
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

    private func remove(_ id: UInt64, of grants: [String]) {
        state.withLock { state in
            for grant in grants {
                state.open[grant]?[id] = nil
                if state.open[grant]?.isEmpty == true { state.open[grant] = nil }
            }
        }
    }
}
