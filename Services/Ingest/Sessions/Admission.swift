import Contracts
import MediaBus
import RTMP
import Reactor
import Sockets
import Synchronization
import Telemetry

/// Decides on those who want to publish: key, gate, session.
final class Admission: Sendable {
    /// How long somebody who wants to publish waits for what is away for a moment, as it is after a start.
    static let patience = Duration.seconds(4)

    private let authority: any PublishAuthority
    private let registry: PublisherRegistry
    private let errands: Errands
    private let settings: IngestSettings
    private let metrics: IngestMetrics
    private let logger: Logger
    private let isClosed = Atomic<Bool>(false)

    init(
        authority: any PublishAuthority,
        registry: PublisherRegistry,
        errands: Errands,
        settings: IngestSettings,
        metrics: IngestMetrics,
        logger: Logger
    ) {
        self.authority = authority
        self.registry = registry
        self.errands = errands
        self.settings = settings
        self.metrics = metrics
        self.logger = logger
    }

    /// Refuses everybody from now on.
    func close() { isClosed.store(true, ordering: .relaxed) }

    /// Answers a request; `connection` is told on its loop.
    func decide(_ request: PublishRequest, of connection: RTMPConnection) {
        let began = errands.run { await self.answer(request, of: connection) }
        if !began { connection.assumeIsolated { $0.refuse(request.id, .unavailable) } }
    }

    private func answer(_ request: PublishRequest, of connection: RTMPConnection) async {
        do throws(PublishRefusal) {
            try await admit(request, of: connection)
            metrics.admissions[.accepted].increment()
        } catch {
            metrics.admissions[AdmissionResult(error)].increment()
            logger.log(.notice, "refused a publisher", [.reason: "\(error)", .peer: connection.peer])
            await connection.refuse(request.id, error)
        }
    }

    private func admit(
        _ request: PublishRequest,
        of connection: RTMPConnection
    ) async throws(PublishRefusal) {
        let identity = PublisherIdentity(
            transport: connection.scheme,
            encoder: request.connect.flashVersion.printable,
            address: connection.peer.host
        )
        let key = StreamKey(request.streamKey)
        try await admit(.key(key, streamID: nil), identity, on: connection.worker.shard) { publisher in
            await self.begin(publisher, request.id, on: connection)
        }
    }

    /// Lets a publisher begin, or says why not.
    ///
    /// - Parameters:
    ///   - layers: The renditions that it may write besides its stream.
    ///   - begin: Called with the publisher while nobody else can take its stream.
    func admit(
        _ credential: PublishCredential,
        _ identity: PublisherIdentity,
        layers: [RenditionName] = [],
        on shard: BusShard,
        begin: (AdmittedPublisher) async -> Void
    ) async throws(PublishRefusal) {
        guard !isClosed.load(ordering: .relaxed) else { throw .draining }
        guard await shard.isConnected(within: Self.patience) else { throw .unavailable }
        let key = try await key(of: credential)
        guard registry.reserve(key.streamID) else { throw .busy }
        defer { registry.release(key.streamID) }
        do {
            if try await shard.isPublisherActive(key.streamID) { throw PublishRefusal.busy }
            var publisher = try await open(key, identity, on: shard)
            for layer in publisher.earlierLayers.union(layers) where publisher.resumption != nil {
                let earlier = try await shard.resumption(of: key.streamID, rendition: layer)
                guard earlier?.session.sessionId == publisher.session.sessionID else { continue }
                publisher.layerResumptions[layer] = earlier
            }
            await begin(publisher)
        } catch let refusal as PublishRefusal {
            throw refusal
        } catch {
            logger.log(.warning, "the bus could not be asked about a publisher", [.error: "\(error)"])
            throw .unavailable
        }
    }

    private func key(of credential: PublishCredential) async throws(PublishRefusal) -> AcceptedKey {
        switch credential {
        case .key(let key, let streamID):
            let accepted = try await authority.accept(key)
            guard streamID == nil || streamID == accepted.streamID else { throw .wrongKey }
            return accepted
        case .account(let subject, let streamID):
            return AcceptedKey(keyID: "", keyName: subject, streamID: streamID)
        }
    }

    private func open(
        _ key: AcceptedKey,
        _ identity: PublisherIdentity,
        on shard: BusShard
    ) async throws -> AdmittedPublisher {
        let grace = settings.graceSeconds
        // Whoever published before on this replica stops to write before the new epoch begins.
        await registry.handOver(key.streamID)
        var session = try await authority.openSession(of: key.streamID, for: identity, graceSeconds: grace)
        var resumption: BusResumption?
        if session.isResumed {
            resumption = try await shard.resumption(of: key.streamID)
            if resumption?.session.sessionId != session.sessionID {
                // The bus has lost the session; going on with it would begin its numbers again.
                resumption = nil
                try await authority.endSession(session.sessionID, epoch: session.epoch)
                session = try await authority.openSession(
                    of: key.streamID,
                    for: identity,
                    graceSeconds: grace
                )
            }
        }
        return AdmittedPublisher(
            key: key,
            identity: identity,
            session: session,
            resumption: resumption,
            graceSeconds: grace
        )
    }

    private func begin(
        _ publisher: AdmittedPublisher,
        _ request: RequestID,
        on connection: RTMPConnection
    ) async {
        let carrier = carrier(
            of: publisher,
            on: connection.worker.shard,
            troubled: { trouble in connection.assumeIsolated { $0.tell(trouble) } },
            ended: { reason in connection.assumeIsolated { $0.end(reason) } }
        )
        began(carrier, connection)
        if await !connection.accept(request, carrier) { registry.lost(carrier, because: nil) }
    }
}

extension Admission {
    /// Makes what carries the media of a publisher to the bus.
    func carrier(
        of publisher: AdmittedPublisher,
        on shard: BusShard,
        troubled: @escaping @Sendable (PublisherTrouble) -> Void = { _ in },
        ended: @escaping @Sendable (PublisherEnd) -> Void
    ) -> PublisherToBus {
        PublisherToBus(
            publisher,
            shard: shard,
            errands: errands,
            limits: settings.publisher,
            metrics: metrics,
            logger: logger.with(.stream, publisher.key.streamID).with(.session, publisher.session.sessionID),
            tracksChanged: { [registry] in registry.note($0, of: publisher.session) },
            troubled: troubled,
            ended: ended
        )
    }

    /// Takes note of a publisher that begins.
    func began(_ carrier: PublisherToBus, _ connection: any PublisherConnection) {
        registry.began(carrier, connection)
        let publisher = carrier.publisher
        logger.log(
            .notice,
            "publishing",
            [
                .stream: publisher.key.streamID, .session: publisher.session.sessionID,
                .epoch: publisher.session.epoch, .address: publisher.identity.address,
            ]
        )
    }

    /// Counts an answer to a publisher that does not come by RTMP.
    func count(_ result: AdmissionResult) { metrics.admissions[result].increment() }
}

extension String {
    /// The text without control characters and not longer than a name needs to be.
    var printable: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f }.prefix(120)
            )
        )
    }
}
