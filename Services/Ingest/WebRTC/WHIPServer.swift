import Contracts
import Crypto
import ICE
import Lifecycle
import MediaBus
import Reactor
import Replicas
import SDP
import Sockets
import Telemetry
import WebRTC
import WebRTCSignalling

/// Takes publishers by WebRTC: one port for all of them, on one loop.
actor WHIPServer: Service {
    /// What a publisher is told about its new session.
    struct Session: Sendable {
        var id: String
        var entityTag: String
        var answer: String
    }

    /// What the resource of a session has to know to read a PATCH.
    struct Version: Sendable {
        var entityTag: String
        var remoteFragment: String?
    }

    /// Why there is no session.
    enum Refusal: Error {
        case publish(PublishRefusal)
        /// There are as many sessions as there may be.
        case full
        /// Too many offers of the same origin have not led to a connection yet.
        case offers
    }

    private static let tickInterval = Duration.milliseconds(20)

    nonisolated let name = "whip"
    nonisolated let loop: EventLoop

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    private let shard: BusShard
    private let context: IngestContext
    private let errands: Errands
    private lazy var asks = KeyframeAsks(shard: shard, errands: errands) { [weak self] streamID, requests in
        self?.assumeIsolated { $0.pass(requests, to: streamID) }
    }
    private let identity: DTLSIdentity
    /// The port, once the replica has a slot.
    private var endpoint: WebRTCEndpoint?
    private var publishers: [String: WHIPPublisher] = [:]
    private var openingCount = 0
    private var offers: PendingOffers
    /// Whose place a session has until it connects.
    private var places: [String: OfferOrigin] = [:]
    private var isTicking = false
    private let ssrc = UInt32.random(in: 1...UInt32.max)

    /// Creates a server that takes publishers once its port is open.
    init(context: IngestContext, shard: BusShard, errands: Errands) throws {
        self.context = context
        self.shard = shard
        self.errands = errands
        loop = shard.loop
        offers = PendingOffers(places: context.settings.maximumWebRTCSessions)
        identity = try DTLSIdentity()
    }

    /// Opens the port of a slot.
    ///
    /// - Returns: `false` where it is taken.
    func open(_ slot: Int) -> Bool {
        do throws(SystemCallError) {
            var wanted = context.settings.endpoint(of: slot)
            wanted.metrics = context.metrics.endpoint
            let endpoint = try WebRTCEndpoint(wanted, identity: identity, loop: loop)
            endpoint.start()
            self.endpoint = endpoint
            let address = PeerAddress(host: context.settings.webRTCAddress, port: endpoint.port)
            context.logger.log(.info, "listening for WebRTC publishers", [.address: address])
            return true
        } catch {
            context.logger.log(
                .warning,
                "the port of a slot cannot be opened",
                [.slot: slot, .error: "\(error)"]
            )
            return false
        }
    }

    private var candidates: [Candidate] { (endpoint?.candidates ?? []).map(Candidate.init) }

    func run(until shutdown: Shutdown) async throws {
        defer { stop() }
        try await shutdown.requested()
    }

    /// Lets every publisher go, so that it can go on elsewhere.
    private func stop() {
        for id in Array(publishers.keys) { end(id, .draining) }
        endpoint?.close()
        endpoint = nil
    }

    // MARK: Sessions

    /// Begins the session of a publisher whose media have been negotiated.
    func publish(
        _ offer: SDPOffer,
        _ media: [NegotiatedMedia],
        _ credential: PublishCredential,
        _ identity: PublisherIdentity,
        from origin: OfferOrigin
    ) async throws(Refusal) -> Session {
        guard publishers.count + openingCount < context.settings.maximumWebRTCSessions else { throw .full }
        guard endpoint != nil else { throw .publish(.draining) }
        guard offers.mayAdd(origin) else { throw .offers }
        var session: Session?
        openingCount += 1
        offers.add(origin)
        defer {
            openingCount -= 1
            if session == nil { offers.remove(origin) }
        }
        do throws(PublishRefusal) {
            let layers = media.flatMap(\.layers).compactMap { RenditionName.layer($0) }
            try await context.admission.admit(credential, identity, layers: layers, on: shard) { publisher in
                session = self.begin(publisher, offer, media, from: origin)
            }
        } catch {
            context.admission.count(AdmissionResult(error))
            throw .publish(error)
        }
        guard let session else {
            context.admission.count(.draining)
            throw .publish(.draining)
        }
        context.admission.count(.accepted)
        return session
    }

    /// - Returns: `nil` where the port has been closed since the offer came: the publisher can go on elsewhere.
    private func begin(
        _ admitted: AdmittedPublisher,
        _ offer: SDPOffer,
        _ media: [NegotiatedMedia],
        from origin: OfferOrigin
    ) -> Session? {
        let id = Randomness.identifier()
        let incoming = IncomingMedia(
            media,
            ssrc: ssrc,
            cname: id,
            maximumBitRate: context.settings.publisher.bitRate
        )
        let carrier = context.admission.carrier(of: admitted, on: shard) { [weak self] reason in
            self?.assumeIsolated { $0.end(id, reason) }
        }
        carrier.assumeIsolated { $0.announce(incoming.promised, layers: incoming.layers) }
        context.admission.began(carrier, WHIPHandle(id: id, server: self))
        guard let endpoint else {
            context.registry.lost(carrier, because: .draining)
            return nil
        }
        let publisher = WHIPPublisher(id: id, offer, incoming, carrier: carrier) { [weak self] change in
            self?.assumeIsolated { $0.note(change, of: id) }
        }
        let fingerprints = [offer.transport?.sha256].compactMap { $0.flatMap { CertificateFingerprint($0) } }
        let transport = endpoint.makeTransport(
            .init(remote: publisher.remote, remoteFingerprints: fingerprints),
            observer: publisher
        )
        publisher.transport = transport
        publishers[id] = publisher
        places[id] = origin
        tickLater()
        return Session(
            id: id,
            entityTag: publisher.entityTag,
            answer: SDPAnswer.text(
                media,
                transport: description(of: transport),
                sessionID: admitted.session.epoch
            )
        )
    }

    private func description(of transport: PeerTransport) -> AnswerTransport {
        AnswerTransport(
            fragment: transport.credentials.fragment,
            password: transport.credentials.password,
            fingerprint: identity.fingerprint.description,
            candidates: candidates
        )
    }

    /// What is known of a session, or `nil` where there is none of this stream.
    func version(of id: String, stream: String) -> Version? {
        guard let publisher = publisher(id, of: stream) else { return nil }
        return Version(entityTag: publisher.entityTag, remoteFragment: publisher.remote?.fragment)
    }

    /// Begins ICE anew.
    func restart(
        _ id: String,
        stream: String,
        _ fragment: TrickleFragment
    ) -> (TrickleFragment, entityTag: String)? {
        publisher(id, of: stream)?.restart(fragment, candidates: candidates)
    }

    /// Ends a session because its publisher asks for it: the stream ends at once.
    ///
    /// - Returns: whether there was one.
    func unpublish(_ id: String, stream: String) -> Bool {
        guard publisher(id, of: stream) != nil, let publisher = remove(id) else { return false }
        publisher.stop()
        context.registry.unpublished(publisher.carrier)
        return true
    }

    /// Ends a session because of `reason`.
    func end(_ id: String, _ reason: PublisherEnd) {
        guard let publisher = remove(id) else { return }
        context.logger.log(.notice, "ending a publisher", [.reason: "\(reason)"])
        context.registry.lost(publisher.carrier, because: reason)
        publisher.stop()
    }

    private func note(_ change: WHIPPublisher.Change, of id: String) {
        switch change {
        case .connected: freePlace(of: id)
        case .closed(let reason): lost(id, because: reason)
        }
    }

    private func freePlace(of id: String) {
        if let origin = places.removeValue(forKey: id) { offers.remove(origin) }
    }

    private func remove(_ id: String) -> WHIPPublisher? {
        freePlace(of: id)
        return publishers.removeValue(forKey: id)
    }

    /// The peer is gone, and may come back within the grace time.
    private func lost(_ id: String, because reason: PeerTransport.CloseReason) {
        guard let publisher = remove(id) else { return }
        context.logger.log(.info, "lost a WebRTC publisher", [.reason: "\(reason)"])
        context.registry.lost(publisher.carrier, because: nil)
    }

    private func publisher(_ id: String, of stream: String) -> WHIPPublisher? {
        guard let publisher = publishers[id], publisher.carrier.publisher.key.streamID == stream else {
            return nil
        }
        return publisher
    }

    // MARK: Time

    private func tickLater() {
        guard !isTicking, !publishers.isEmpty else { return }
        isTicking = true
        loop.schedule(after: Self.tickInterval) { [weak self] in self?.assumeIsolated { $0.tick() } }
    }

    private func tick() {
        isTicking = false
        let now = EventLoop.now
        for publisher in Array(publishers.values) { publisher.tick(now: now) }
        if asks.assumeIsolated({ $0.isDue(at: now) }) {
            let streamIDs = publishers.values.map(\.carrier.publisher.key.streamID)
            asks.assumeIsolated { $0.ask(of: streamIDs, at: now) }
        }
        tickLater()
    }

    private func pass(_ requests: Set<KeyframeRequest>, to streamID: String) {
        for publisher in publishers.values where publisher.carrier.publisher.key.streamID == streamID {
            publisher.ask(requests)
        }
    }
}

extension Candidate {
    /// The candidate in the words of SDP.
    init(_ local: LocalCandidate) {
        self.init(
            host: "\(local.address.ip)",
            port: local.address.port,
            tcpRole: local.transport == .tcp ? .passive : nil
        )
        foundation = local.foundation
        priority = local.priority
    }
}

extension IngestSettings {
    /// Where the port of WebRTC is, and what peers are told.
    fileprivate func endpoint(of slot: Int) -> EndpointConfiguration {
        EndpointConfiguration(
            slot: slot,
            firstPort: webRTCPort,
            address: webRTCAddress,
            advertisedAddresses: advertisedAddresses,
            advertisedPorts: advertisedPorts
        )
    }
}
