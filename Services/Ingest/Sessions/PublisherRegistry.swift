import FoundationEssentials
import Lifecycle
import Media
import Reactor
import Sockets
import Synchronization
import Telemetry

/// What a publisher sends through; the service may end it.
protocol PublisherConnection: AnyObject, Sendable {
    /// Ends the publisher because of `reason`.
    func end(_ reason: PublisherEnd) async
}

/// Who is connected and who publishes on this replica, and what becomes of a stream whose publisher is gone.
final class PublisherRegistry: Sendable {
    private struct Entry {
        var carrier: PublisherToBus
        var connection: (any PublisherConnection)?
        /// Counts the times that the stream went away, so that an old grace timer finds nothing.
        var absence: UInt64 = 0
    }

    private struct State {
        var connectionCount = 0
        var connectionsByAddress: [String: Int] = [:]
        var reserved: Set<String> = []
        var entries: [String: Entry] = [:]
        var absences: UInt64 = 0
    }

    /// How often a report to the catalog is tried.
    private static let reportAttempts = 5
    private static let reportInterval = Duration.seconds(1)

    private let authority: any PublishAuthority
    private let errands: Errands
    private let settings: IngestSettings
    private let metrics: IngestMetrics
    private let logger: Logger
    private let state = Mutex(State())

    init(
        authority: any PublishAuthority,
        errands: Errands,
        settings: IngestSettings,
        metrics: IngestMetrics,
        logger: Logger
    ) {
        self.authority = authority
        self.errands = errands
        self.settings = settings
        self.metrics = metrics
        self.logger = logger
    }

    // MARK: Connections

    /// Counts a connection from `peer`.
    ///
    /// - Returns: whether it is within the limits.
    func connected(_ peer: PeerAddress) -> Bool {
        let isTaken = state.withLock { state in
            let fromAddress = state.connectionsByAddress[peer.host, default: 0]
            guard state.connectionCount < settings.maximumConnections,
                fromAddress < settings.maximumConnectionsPerAddress
            else { return false }
            state.connectionCount += 1
            state.connectionsByAddress[peer.host] = fromAddress + 1
            return true
        }
        if isTaken { metrics.connections.add(1) }
        return isTaken
    }

    /// Forgets a connection from `peer`.
    func disconnected(_ peer: PeerAddress) {
        metrics.connections.add(-1)
        state.withLock { state in
            state.connectionCount -= 1
            let left = state.connectionsByAddress[peer.host, default: 1] - 1
            state.connectionsByAddress[peer.host] = left > 0 ? left : nil
        }
    }

    // MARK: The gate

    /// Takes the right to decide about a stream, unless it is being decided about or published here.
    ///
    /// A publisher that has been silent for longer than the limit does not count.
    func reserve(_ streamID: String) -> Bool {
        let now = EventLoop.now
        return state.withLock { state in
            if state.reserved.contains(streamID) { return false }
            if let entry = state.entries[streamID], entry.connection != nil,
                now &- entry.carrier.lastMedia < settings.silenceLimit.nanoseconds
            {
                return false
            }
            state.reserved.insert(streamID)
            return true
        }
    }

    /// Gives the right back.
    func release(_ streamID: String) {
        _ = state.withLock { $0.reserved.remove(streamID) }
    }

    /// Makes the publisher before, if there is one on this replica, let go of the stream.
    ///
    /// The catalog is told that it is away first, so that it resumes the session.
    func handOver(_ streamID: String) async {
        guard let entry = state.withLock({ $0.entries.removeValue(forKey: streamID) }) else { return }
        metrics.publishers.add(-1)
        if let connection = entry.connection { await connection.end(.replaced) }
        await entry.carrier.close()
        let session = entry.carrier.publisher.session
        do {
            try await authority.setState(.away, of: session.sessionID, epoch: session.epoch)
        } catch {
            logger.log(.warning, "the catalog could not be told", [.error: "\(error)"])
        }
    }

    // MARK: Publishers

    /// Takes note of a publisher that begins.
    func began(_ carrier: PublisherToBus, _ connection: any PublisherConnection) {
        let streamID = carrier.publisher.key.streamID
        state.withLock { $0.entries[streamID] = Entry(carrier: carrier, connection: connection) }
        metrics.publishers.add(1)
    }

    /// The client has ended its stream: the session is over at once.
    func unpublished(_ carrier: PublisherToBus) {
        guard remove(carrier) else { return }
        endSession(of: carrier)
    }

    /// The publisher is gone: by itself, or because the service ended it.
    func lost(_ carrier: PublisherToBus, because reason: PublisherEnd?) {
        switch reason {
        case .fenced, .replaced:
            if remove(carrier) { errands.run { await carrier.close() } }
        case .keyRevoked:
            unpublished(carrier)
        default:
            becomeAway(carrier)
        }
    }

    private func becomeAway(_ carrier: PublisherToBus) {
        let streamID = carrier.publisher.key.streamID
        let absence = state.withLock { state -> UInt64? in
            guard state.entries[streamID]?.carrier === carrier, state.entries[streamID]?.connection != nil
            else {
                return nil
            }
            state.absences &+= 1
            state.entries[streamID]?.connection = nil
            state.entries[streamID]?.absence = state.absences
            return state.absences
        }
        guard let absence else { return }
        let publisher = carrier.publisher
        logger.log(
            .notice,
            "the publisher is away",
            [.stream: streamID, .session: publisher.session.sessionID]
        )
        onLoop(of: carrier) {
            carrier.assumeIsolated { $0.markAway() }
            self.awaitGrace(of: carrier, absence, for: .seconds(publisher.graceSeconds))
        }
        report("away") {
            try await $0.setState(.away, of: publisher.session.sessionID, epoch: publisher.session.epoch)
        }
    }

    private func onLoop(of carrier: PublisherToBus, _ body: @escaping @Sendable () -> Void) {
        if carrier.loop.isInLoop { body() } else { carrier.loop.execute(body) }
    }

    private func awaitGrace(of carrier: PublisherToBus, _ absence: UInt64, for delay: Duration) {
        carrier.loop.schedule(after: delay) { self.graceIsOver(for: carrier, absence) }
    }

    private func graceIsOver(for carrier: PublisherToBus, _ absence: UInt64) {
        let streamID = carrier.publisher.key.streamID
        let verdict = state.withLock { state -> (isOver: Bool, isUndecided: Bool) in
            guard let entry = state.entries[streamID], entry.connection == nil, entry.absence == absence
            else {
                return (false, false)
            }
            // Somebody is just coming back; if nothing comes of it, the session ends a little later.
            if state.reserved.contains(streamID) { return (false, true) }
            state.entries[streamID] = nil
            return (true, false)
        }
        if verdict.isUndecided { awaitGrace(of: carrier, absence, for: Self.reportInterval) }
        guard verdict.isOver else { return }
        metrics.publishers.add(-1)
        endSession(of: carrier)
    }

    private func remove(_ carrier: PublisherToBus) -> Bool {
        let streamID = carrier.publisher.key.streamID
        let isRemoved = state.withLock { state in
            guard state.entries[streamID]?.carrier === carrier else { return false }
            state.entries[streamID] = nil
            return true
        }
        if isRemoved { metrics.publishers.add(-1) }
        return isRemoved
    }

    private func endSession(of carrier: PublisherToBus) {
        let session = carrier.publisher.session
        logger.log(
            .notice,
            "the session is over",
            [.stream: carrier.publisher.key.streamID, .session: session.sessionID]
        )
        errands.run { await carrier.end() }
        report("ended") { try await $0.endSession(session.sessionID, epoch: session.epoch) }
    }

    /// Tells the catalog which tracks a session has now.
    func note(_ tracks: [TrackConfiguration], of session: OpenedSession) {
        let described = tracks.map(PublisherReport.Track.init)
        guard let json = try? JSONEncoder().encode(described) else { return }
        report("tracks") {
            try await $0.noteTracks(
                String(decoding: json, as: UTF8.self),
                of: session.sessionID,
                epoch: session.epoch
            )
        }
    }

    /// Tells the catalog, some times if need be; the catalog finds out by itself where it all fails.
    private func report(
        _ what: StaticString,
        _ body: @escaping @Sendable (any PublishAuthority) async throws -> Void
    ) {
        errands.run { [authority, logger] in
            for _ in 0..<Self.reportAttempts {
                do { return try await body(authority) } catch {
                    logger.log(.warning, "the catalog could not be told", [.error: "\(error)"])
                }
                guard (try? await Task.sleep(for: Self.reportInterval)) != nil else { return }
            }
        }
    }

    // MARK: All of them

    /// The publishers of this replica, those that are away included.
    var carriers: [PublisherToBus] { state.withLock { $0.entries.values.map(\.carrier) } }

    /// Ends the publishers whose keys are `keyIDs`.
    func revoke(_ keyIDs: Set<String>) {
        let entries = state.withLock { state in
            state.entries.values.filter { keyIDs.contains($0.carrier.publisher.key.keyID) }
        }
        for entry in entries {
            if let connection = entry.connection {
                errands.run { await connection.end(.keyRevoked) }
            } else {
                unpublished(entry.carrier)
            }
        }
    }

    /// Lets go of every stream without ending its session, for the replica that takes over.
    func letGo() async {
        let entries = state.withLock { state in
            defer { state.entries = [:] }
            return state.entries.values.map(\.carrier)
        }
        for carrier in entries { await carrier.close() }
    }
}
