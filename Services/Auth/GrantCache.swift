import Synchronization

/// What credentials were last found to mean, so that most requests ask no database.
///
/// While notifications arrive, an entry is as good as the database; while they do not, it must be asked again
/// each second, and where that fails too, what was last known counts for the grace time.
final class GrantCache: Sendable {
    /// What a credential is known by; never the credential itself.
    enum Key: Hashable, Sendable {
        case secret([UInt8])
        case password([UInt8])
        case grant(String)
    }

    enum Finding: Sendable, Equatable {
        /// Valid without asking.
        case fresh(Principal)
        /// To be asked for again; it was known to be valid at `lastKnown`, in seconds.
        case stale(Principal, lastKnown: Int64)
        case unknown
    }

    /// A moment in the history of revocations, taken before asking the database.
    struct Stamp: Sendable, Equatable {
        fileprivate var revocations: UInt64
    }

    private struct Entry {
        var principal: Principal
        var validatedAt: Int64
        var mustBeChecked: Bool
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var keysByGrant: [String: Set<Key>] = [:]
        var revocations: UInt64 = 0
        /// Since when no notifications have arrived, or `nil` while they do.
        var deafSince: Int64? = 0
    }

    /// Even while notifications arrive, an entry is asked for again after this many seconds.
    static let longestTrust: Int64 = 60
    /// While none arrive, after this many.
    static let deafTrust: Int64 = 1
    /// The most entries; beyond it all are forgotten, to be asked for again.
    static let entryLimit = 100_000

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.entries.count } }

    func stamp() -> Stamp { state.withLock { Stamp(revocations: $0.revocations) } }

    func find(_ key: Key, now: Int64) -> Finding {
        state.withLock { state in
            guard let entry = state.entries[key] else { return .unknown }
            if let expiry = entry.principal.expiry, now >= expiry {
                Self.remove(key, from: &state)
                return .unknown
            }
            let trust = state.deafSince == nil ? Self.longestTrust : Self.deafTrust
            if !entry.mustBeChecked, now - entry.validatedAt < trust { return .fresh(entry.principal) }
            if entry.mustBeChecked { return .stale(entry.principal, lastKnown: entry.validatedAt) }
            return .stale(entry.principal, lastKnown: max(entry.validatedAt, state.deafSince ?? now))
        }
    }

    /// Remembers what the database said after `stamp` was taken.
    func remember(_ key: Key, _ principal: Principal, since stamp: Stamp, now: Int64) {
        state.withLock { state in
            if state.entries.count >= Self.entryLimit {
                state.entries = [:]
                state.keysByGrant = [:]
            }
            // A revocation that came meanwhile may be newer than the answer.
            let isOutdated = state.revocations != stamp.revocations
            state.entries[key] = Entry(principal: principal, validatedAt: now, mustBeChecked: isOutdated)
            state.keysByGrant[principal.grant, default: []].insert(key)
        }
    }

    func forget(_ key: Key) { state.withLock { Self.remove(key, from: &$0) } }

    /// Forgets everything that rests on a grant, because it was revoked.
    func forget(grant: String) {
        state.withLock { state in
            state.revocations &+= 1
            for key in state.keysByGrant.removeValue(forKey: grant) ?? [] { state.entries[key] = nil }
        }
    }

    /// Notifications arrive from now on; some may have been missed before.
    func hear() {
        state.withLock { state in
            let deafSince = state.deafSince ?? 0
            for (key, entry) in state.entries where !entry.mustBeChecked {
                let validatedAt = max(entry.validatedAt, deafSince)
                state.entries[key] = Entry(
                    principal: entry.principal,
                    validatedAt: validatedAt,
                    mustBeChecked: true
                )
            }
            state.revocations &+= 1
            state.deafSince = nil
        }
    }

    /// Notifications do not arrive any more.
    func goDeaf(now: Int64) {
        state.withLock { if $0.deafSince == nil { $0.deafSince = now } }
    }

    private static func remove(_ key: Key, from state: inout State) {
        guard let entry = state.entries.removeValue(forKey: key) else { return }
        let grant = entry.principal.grant
        state.keysByGrant[grant]?.remove(key)
        if state.keysByGrant[grant]?.isEmpty ?? false { state.keysByGrant[grant] = nil }
    }
}
