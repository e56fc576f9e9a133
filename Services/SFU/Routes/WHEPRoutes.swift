import Contracts
import Crypto
import Events
import HTTPServing
import ICE
import Lifecycle
import Media
import RTP
import Reactor
import Replicas
import SDP
import Sockets
import Telemetry
import WebRTC
import WebRTCSignalling

/// The WHEP resource: an offer makes a session, whose own address changes and ends it.
struct WHEPRoutes: Sendable {
    private static let retrySeconds = 2

    let hub: FeedHub
    let liveness: StreamLiveness
    let viewers: ViewerDirectory
    let slots: SlotLease
    let proxy: SlotProxy
    let identity: DTLSIdentity
    let iceServers: [ICEServer]
    /// The process is about to stop: what is begun now would be over at once.
    let shutdown: Shutdown
    let measures: SFUMeasures
    let logger: Logger

    func add(to router: HTTPRouter) {
        let servers = iceServers
        for pattern in ["/whep/:stream", "/whep/:stream/:session"] {
            router.add("OPTIONS", pattern) { _ in SignallingResponse.options(iceServers: servers) }
            router.head(pattern) { request in try await opened(request) { _ in SignallingResponse.head() } }
            router.get(pattern) { _ in throw SignallingResponse.problem(.offerNeeded) }
        }
        router.post("/whep/:stream") { request in
            do {
                return try await opened(request, watch)
            } catch let problem as HTTPProblem {
                note(problem, request)
                throw problem
            }
        }
        router.patch("/whep/:stream/:session") { try await opened($0, change) }
        router.delete("/whep/:stream/:session") { try await opened($0, end) }
    }

    /// Answers only what the viewer may see, and lets pages of any origin read the problems.
    private func opened(_ request: HTTPRequest, _ handler: HTTPHandler) async throws -> HTTPResponse {
        do {
            try Self.checkRight(request)
            return try await handler(request)
        } catch let problem as HTTPProblem {
            throw SignallingResponse.problem(problem)
        }
    }

    /// Keeps why an offer was refused, where it concerns the stream.
    private func note(_ problem: HTTPProblem, _ request: HTTPRequest) {
        guard problem.status == 406 || problem.status == 422 else { return }
        let why = ViewerDiagnosis(problem.code, problem.detail)
        let report = ViewerReport(id: Randomness.identifier(), state: "refused", why: why)
        viewers.ended.add(report, streamID: request.parameters["stream"] ?? "")
    }

    private static func checkRight(_ request: HTTPRequest) throws {
        let streamID = request.parameters["stream"] ?? ""
        guard StreamLiveness.isIdentifier(streamID) else { throw HTTPProblem.noSuchStream }
        guard let allowed = request.headers["x-martlet-streams"], allowed != "*" else { return }
        let streams = allowed.split(separator: ",").map { $0.filter { $0 != " " } }
        guard streams.contains(streamID) else { throw HTTPProblem.noSuchStream }
    }

    private func checkLive(_ streamID: String) async throws {
        guard let isLive = try? await liveness.isLive(streamID) else {
            throw SignallingResponse.unavailable(retryAfter: Self.retrySeconds)
        }
        guard isLive else { throw Self.notLive }
    }

    private static var notLive: HTTPProblem { SignallingResponse.notLive(retryAfter: retrySeconds) }

    // MARK: POST

    private func watch(_ request: HTTPRequest) async throws -> HTTPResponse {
        let offer = try await SignallingRequest.offer(in: request)
        let place = try reserve(for: request)
        do {
            return try await watch(request, offer, place)
        } catch {
            viewers.giveBack(place)
            throw error
        }
    }

    private func reserve(for request: HTTPRequest) throws -> OfferOrigin {
        do throws(ViewerDirectory.Refusal) {
            if shutdown.isRequested { throw .draining }
            return try viewers.reserve(for: OfferOrigin(of: request))
        } catch {
            throw Self.problem(error)
        }
    }

    private func watch(
        _ request: HTTPRequest,
        _ offer: SDPOffer,
        _ place: OfferOrigin
    ) async throws -> HTTPResponse {
        let streamID = request.parameters["stream"] ?? ""
        guard let slot = slots.held else { throw Self.problem(.draining) }
        try await checkLive(streamID)
        let choice = try await choose(streamID)
        let plan = try agree(on: offer, choice, request)
        let id = "\(slot)-\(Randomness.identifier())"
        let credentials = try await open(plan.viewer, id: id, peer: try Self.peer(of: offer), place)
        measures.sessionsOpened.increment()
        logger.log(.info, "a viewer has been answered", [.stream: streamID, .session: id])
        return SignallingResponse.created(
            answer: answer(plan.media, credentials, shard: viewers.shard(of: id, streamID: streamID)),
            location: "/whep/\(streamID)/\(id)",
            entityTag: "1",
            iceServers: iceServers
        )
    }

    private func open(
        _ plan: ViewerPlan,
        id: String,
        peer: PeerTransport.Configuration,
        _ place: OfferOrigin
    ) async throws -> ICECredentials {
        do throws(ViewerDirectory.Refusal) {
            if shutdown.isRequested { throw .draining }
            return try await viewers.open(plan, id: id, peer: peer, place: place)
        } catch {
            throw Self.problem(error)
        }
    }

    private static func problem(_ refusal: ViewerDirectory.Refusal) -> HTTPProblem {
        switch refusal {
        case .full: SignallingResponse.full(retryAfter: retrySeconds)
        case .joining: SignallingResponse.tooManyOffers(retryAfter: retrySeconds)
        case .draining: SignallingResponse.draining
        case .revoked: .noSuchStream
        }
    }

    /// The feeds that a viewer gets, all of them held.
    private struct Choice {
        var held: [FeedHold]
        var pictures: BusStreamName?
        var video: TrackConfiguration?
        var sound: BusStreamName?
        var hasLayers = false
    }

    private func choose(_ streamID: String) async throws -> Choice {
        let main = BusStreamName(streamID)
        let (snapshot, hold) = await hub.hold(main)
        var choice = Choice(held: [hold])
        guard let session = snapshot.session, !snapshot.hasEnded,
            snapshot.video != nil || snapshot.audio != nil
        else { throw Self.notLive }
        if let audio = snapshot.audio {
            choice.sound = audio.codec == .opus ? main : BusStreamName(streamID, rendition: .opus)
            if let sound = choice.sound, sound != main {
                choice.held.append(await hub.holdNow(sound, session: session.sessionId))
            }
        }
        guard let video = snapshot.video else { return choice }
        guard !video.isBeyondBrowsers else { throw HTTPProblem.pixels }
        if case .coding(let codec) = snapshot.problem { throw HTTPProblem.coding(codec) }
        guard snapshot.problem == .referencedBFrames else {
            choice.pictures = main
            choice.hasLayers = !FeedLayer.all(of: session).isEmpty
            choice.video = snapshot.video
            return choice
        }
        let name = BusStreamName(streamID, rendition: .withoutBFrames)
        let (inOrder, rendition) = await hub.hold(name, session: session.sessionId)
        guard inOrder.hasKeyframe, inOrder.problem == nil else { throw HTTPProblem.bFrames }
        choice.held.append(rendition)
        choice.pictures = name
        choice.video = inOrder.video
        return choice
    }

    private func agree(
        on offer: SDPOffer,
        _ choice: Choice,
        _ request: HTTPRequest
    ) throws -> (viewer: ViewerPlan, media: [NegotiatedMedia]) {
        let negotiation = ViewerNegotiation(video: choice.video, hasSound: choice.sound != nil)
        let outcome: ViewerNegotiation.Outcome
        do throws(Negotiation.Refusal) {
            outcome = try negotiation.agree(on: offer)
        } catch {
            if case .noCommonCodec(.video) = error, let video = choice.video {
                throw HTTPProblem.mismatch(video.codec)
            }
            if case .noCommonCodec = error { throw HTTPProblem.mismatch(.opus) }
            throw error.problem
        }
        let plan = ViewerPlan(
            streamID: request.parameters["stream"] ?? "",
            grants: RevokedGrants.grants(in: request.headers["x-martlet-grant"]),
            canonicalName: outcome.canonicalName,
            pictures: choice.pictures,
            sound: choice.sound,
            held: choice.held,
            media: ViewerMedia(
                video: outcome.video,
                audio: outcome.audio,
                hasLayers: choice.hasLayers,
                takesMergedSound: outcome.takesMergedSound
            )
        )
        return (plan, outcome.media)
    }

    private static func peer(of offer: SDPOffer) throws -> PeerTransport.Configuration {
        let fingerprints = (offer.transport?.fingerprints ?? []).filter { $0.algorithm == "sha-256" }
            .compactMap { CertificateFingerprint($0.value) }
        guard !fingerprints.isEmpty else { throw SDPOffer.Failure.noFingerprint.problem }
        return PeerTransport.Configuration(
            remote: .init(fragment: offer.transport?.fragment, password: offer.transport?.password),
            remoteFingerprints: fingerprints
        )
    }

    private func answer(
        _ media: [NegotiatedMedia],
        _ credentials: ICECredentials,
        shard: ViewerShard?
    ) -> String {
        let transport = AnswerTransport(
            fragment: credentials.fragment,
            password: credentials.password,
            fingerprint: identity.fingerprint.description,
            candidates: (shard?.candidates ?? []).map(Candidate.init)
        )
        return SDPAnswer.text(media, transport: transport, sessionID: .random(in: 1...(1 << 62)))
    }

    // MARK: PATCH and DELETE

    private func change(_ request: HTTPRequest) async throws -> HTTPResponse {
        if let passed = try await proxy.answer(request) { return passed }
        let (id, shard) = try session(of: request)
        let known = viewers.identity(of: id)
        let change = try await SignallingRequest.change(
            in: request,
            entityTag: String(known?.version ?? 1),
            fragment: known?.remoteFragment
        )
        guard case .restart(let fragment) = change else { return SignallingResponse.trickled() }
        let remote = ICECredentials(fragment: fragment.fragment, password: fragment.password)
        guard let credentials = await shard.perform({ $0.restartICE(id, remote: remote) }) else {
            throw SignallingResponse.noSession
        }
        let version = viewers.raiseVersion(of: id, remoteFragment: fragment.fragment)
        let answer = TrickleFragment(
            fragment: credentials.fragment,
            password: credentials.password,
            candidates: shard.candidates.map(Candidate.init),
            isComplete: true,
            section: fragment.section
        )
        return SignallingResponse.restarted(answer, entityTag: String(version))
    }

    private func end(_ request: HTTPRequest) async throws -> HTTPResponse {
        if let passed = try await proxy.answer(request) { return passed }
        let (id, shard) = try session(of: request)
        await shard.perform { $0.close(id) }
        return SignallingResponse.ended()
    }

    private func session(of request: HTTPRequest) throws -> (id: String, shard: ViewerShard) {
        let id = request.parameters["session"] ?? ""
        guard let shard = viewers.shard(of: id, streamID: request.parameters["stream"] ?? "") else {
            throw SignallingResponse.noSession
        }
        return (id, shard)
    }
}

extension Candidate {
    /// What an endpoint listens on, as SDP writes it.
    fileprivate init(_ local: LocalCandidate) {
        self.init(
            host: local.address.ip.description,
            port: local.address.port,
            tcpRole: local.transport == .tcp ? .passive : nil
        )
        foundation = local.foundation
        priority = local.priority
    }
}

extension HTTPProblem {
    static let noSuchStream = HTTPProblem(404, "stream_not_found", "There is no such stream, or not for you.")
    static let offerNeeded = HTTPProblem(
        405,
        "offer_needed",
        "Sessions begin by POST of an offer (WHEP).",
        headers: ["allow": "OPTIONS, HEAD, POST, PATCH, DELETE"]
    )
    static let bFrames = HTTPProblem(
        406,
        "b_frames",
        "The stream has B-frames that other pictures are made from, which WebRTC cannot show. "
            + "Set B-frames to 0 in the encoder, or watch by HLS."
    )

    static let pixels = HTTPProblem(
        406,
        "pixels_not_carried",
        "The pictures have more than 8 bits a colour, or more colour than 4:2:0, which no browser decodes over "
            + "WebRTC. Set the pixel format to yuv420p (NV12) in the encoder, or watch by HLS."
    )

    static func coding(_ codec: Codec) -> HTTPProblem {
        HTTPProblem(
            406,
            "codec_not_carried",
            "The pictures are \(codec.rawValue), which WebRTC does not carry."
        )
    }

    static func mismatch(_ codec: Codec) -> HTTPProblem {
        HTTPProblem(406, "codec_mismatch", "The stream is \(codec.rawValue), which the offer does not take.")
    }
}

extension LogKey {
    static let session = LogKey(rawValue: "viewer.session")
}
