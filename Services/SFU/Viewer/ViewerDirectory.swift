import Contracts
import Crypto
import Events
import ICE
import Reactor
import Synchronization
import Telemetry
import WebRTC
import WebRTCSignalling

/// All sessions of this replica, by shard, and what has become of those that are over.
final class ViewerDirectory: GrantHolder {
    /// Why no session is opened.
    enum Refusal: Error {
        /// There are as many as there may be, or no loop keeps up with more.
        case full
        /// Too many offers of the same origin have not led to a connection yet.
        case joining
        /// The replica stops, or has no port yet.
        case draining
        /// The right to watch was taken back a moment ago.
        case revoked
    }

    private struct Entry {
        var shard: Int
        var streamID: String
        var grants: [String]
        var remoteFragment: String?
        var version: UInt64 = 1
        /// Whose place it has until it connects.
        var joining: OfferOrigin?
    }

    private struct State {
        var shards: [ViewerShard] = []
        var entries: [String: Entry] = [:]
        var joining: PendingOffers
        var connectedCount = 0
        var nextShard = 0
        var isDraining = false
        var revoked = RevokedGrants()

        /// The shard that takes the next session: each in turn, without those that are behind with sending.
        var next: Int? {
            let now = EventLoop.now
            let order = shards.indices.map { (nextShard + $0) % shards.count }
            return order.first { !shards[$0].load.isTooHigh(at: now) }
        }
    }

    let ended = EndedViewers()
    private let limit: Int
    private let state: Mutex<State>

    init(limit: Int) {
        self.limit = limit
        state = Mutex(State(joining: PendingOffers(places: limit)))
    }

    /// What viewers are spread over; nothing before ``open(_:)``.
    var shards: [ViewerShard] { state.withLock(\.shards) }

    /// Lets sessions be opened on `shards`.
    func open(_ shards: [ViewerShard]) { state.withLock { $0.shards = shards } }

    var count: Int { state.withLock { $0.entries.count } }

    /// Takes a place for whoever has made an offer, before anything is done about it.
    ///
    /// - Returns: what ``open(_:id:peer:place:)`` or ``giveBack(_:)`` takes.
    func reserve(for origin: OfferOrigin) throws(Refusal) -> OfferOrigin {
        try state.withLock { state throws(Refusal) in
            if let refusal = refusal(of: state) { throw refusal }
            guard state.joining.total + state.connectedCount < limit else { throw .full }
            guard state.joining.mayAdd(origin) else { throw .joining }
            state.joining.add(origin)
        }
        return origin
    }

    /// Frees a place that no session was opened for.
    func giveBack(_ place: OfferOrigin) { state.withLock { $0.joining.remove(place) } }

    private func refusal(of state: State) -> Refusal? {
        if state.shards.isEmpty || state.isDraining { return .draining }
        return state.next == nil ? .full : nil
    }

    /// Opens a session on the shard whose turn it is.
    ///
    /// The feeds that `plan` holds are held until its end. Where it throws, the place is still to be given back.
    func open(
        _ plan: ViewerPlan,
        id: String,
        peer: PeerTransport.Configuration,
        place: OfferOrigin
    ) async throws(Refusal) -> ICECredentials {
        let shard = try state.withLock { state throws(Refusal) in
            if let refusal = refusal(of: state) { throw refusal }
            guard !state.revoked.contains(plan.grants) else { throw .revoked }
            let shard = state.next ?? state.nextShard
            state.nextShard = (shard + 1) % state.shards.count
            state.entries[id] = Entry(
                shard: shard,
                streamID: plan.streamID,
                grants: plan.grants,
                remoteFragment: peer.remote?.fragment,
                joining: place
            )
            return state.shards[shard]
        }
        guard let credentials = await shard.perform({ $0.open(plan, id: id, peer: peer) }) else {
            state.withLock { $0.entries[id] = nil }
            throw .draining
        }
        return credentials
    }

    /// The shard of a session, where it is a viewer of that stream.
    func shard(of id: String, streamID: String) -> ViewerShard? {
        state.withLock { state in
            guard let entry = state.entries[id], entry.streamID == streamID else { return nil }
            return state.shards[entry.shard]
        }
    }

    /// How many watch each stream.
    var counts: [String: Int] {
        state.withLock { state in state.entries.values.reduce(into: [:]) { $0[$1.streamID, default: 0] += 1 }
        }
    }

    /// What a session's ICE is known by: the version that its entity tag carries, and the viewer's fragment.
    func identity(of id: String) -> (version: UInt64, remoteFragment: String?)? {
        state.withLock { state in state.entries[id].map { ($0.version, $0.remoteFragment) } }
    }

    /// Takes note of new credentials.
    ///
    /// - Returns: the new version.
    func raiseVersion(of id: String, remoteFragment: String?) -> UInt64 {
        state.withLock { state in
            state.entries[id]?.version += 1
            state.entries[id]?.remoteFragment = remoteFragment
            return state.entries[id]?.version ?? 1
        }
    }

    /// Ends a session.
    func close(_ id: String) {
        let shard = state.withLock { state in state.entries[id].map { state.shards[$0.shard] } }
        guard let shard else { return }
        shard.loop.execute { shard.close(id) }
    }

    /// Ends what is open under a grant.
    ///
    /// - Returns: how many sessions that were.
    @discardableResult
    func revoke(_ grant: String) -> Int {
        let ids = state.withLock { state in
            state.revoked.note(grant, at: EventLoop.now)
            return state.entries.filter { $0.value.grants.contains(grant) }.map(\.key)
        }
        for id in ids { close(id) }
        return ids.count
    }

    /// Ends what is open under any grant.
    func revokeAll() {
        let ids = state.withLock { state in state.entries.filter { !$0.value.grants.isEmpty }.map(\.key) }
        for id in ids { close(id) }
    }

    /// Takes no more sessions.
    ///
    /// - Returns: those there are.
    func drain() -> [String] {
        state.withLock { state in
            state.isDraining = true
            return Array(state.entries.keys)
        }
    }

    /// Called on a shard's loop when a viewer has connected.
    func noteConnected(_ id: String) {
        state.withLock { state in
            guard let origin = state.entries[id]?.joining else { return }
            state.entries[id]?.joining = nil
            state.joining.remove(origin)
            state.connectedCount += 1
        }
    }

    /// Called on a shard's loop when a session is over.
    func forget(_ viewer: ClosedViewer) {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: viewer.id) else { return }
            if let origin = entry.joining {
                state.joining.remove(origin)
            } else {
                state.connectedCount -= 1
            }
        }
        let report = ViewerReport(id: viewer.id, state: "closed", why: ViewerDiagnosis(viewer.reason))
        ended.add(report, streamID: viewer.streamID)
    }
}
