import Contracts
import HTTPServing
import Lifecycle
import Replicas
import SDP
import Sockets
import WebRTCSignalling

/// `/whip/<streamID>` and the resources of its sessions below it (RFC 9725).
struct WHIPRoutes: Sendable {
    private static let endpoint = "/whip/:stream"
    private static let resource = "/whip/:stream/:session"
    /// When a publisher that finds the stream taken should try again, in seconds: after the silence that frees it.
    private static let busyRetry = 2
    private static let retry = 5

    let server: WHIPServer
    let slots: SlotLease
    let proxy: SlotProxy
    let iceServers: [ICEServer]
    /// The process is about to stop: what is begun now would be over at once.
    let shutdown: Shutdown

    func add(to router: HTTPRouter) {
        let servers = iceServers
        for pattern in [Self.endpoint, Self.resource] {
            router.add("OPTIONS", pattern) { _ in SignallingResponse.options(iceServers: servers) }
        }
        router.post(Self.endpoint, Self.open { try await publish($0) })
        router.patch(Self.resource, Self.open { try await atItsReplica($0, change) })
        router.delete(Self.resource, Self.open { try await atItsReplica($0, end) })
    }

    /// Lets pages of other origins read problems too.
    private static func open(_ handler: @escaping HTTPHandler) -> HTTPHandler {
        { request in
            do {
                return try await handler(request)
            } catch let problem as HTTPProblem {
                throw SignallingResponse.problem(problem)
            }
        }
    }

    /// Answers by the replica whose session it is.
    private nonisolated(nonsending) func atItsReplica(
        _ request: HTTPRequest,
        _ handler: HTTPHandler
    ) async throws -> HTTPResponse {
        _ = try Self.session(of: request)
        if let passed = try await proxy.answer(request) { return passed }
        return try await handler(request)
    }

    private nonisolated(nonsending) func publish(_ request: HTTPRequest) async throws -> HTTPResponse {
        let stream = try Self.stream(of: request)
        let credential = try Self.credential(of: request, stream: stream)
        guard let slot = slots.held else { throw Self.problem(.draining) }
        let offer = try await SignallingRequest.offer(in: request)
        guard !shutdown.isRequested else { throw Self.problem(.draining) }
        let media = try Self.negotiate(offer)
        let identity = PublisherIdentity(
            transport: "whip",
            encoder: (request.headers["user-agent"] ?? "").printable,
            address: request.headers["x-forwarded-for"]?.printable ?? request.peer.host
        )
        do throws(WHIPServer.Refusal) {
            let session = try await server.publish(
                offer,
                media,
                credential,
                identity,
                from: OfferOrigin(of: request)
            )
            return SignallingResponse.created(
                answer: session.answer,
                location: "/whip/\(stream)/\(slot)-\(session.id)",
                entityTag: session.entityTag,
                iceServers: iceServers
            )
        } catch {
            // An account has no key that could be wrong: what it names does not exist.
            if case .account = credential, case .publish(.wrongKey) = error { throw Self.noStream }
            throw Self.problem(error)
        }
    }

    private nonisolated(nonsending) func change(_ request: HTTPRequest) async throws -> HTTPResponse {
        let (stream, session) = try Self.session(of: request)
        guard let version = await server.version(of: session, stream: stream) else {
            throw SignallingResponse.noSession
        }
        let change = try await SignallingRequest.change(
            in: request,
            entityTag: version.entityTag,
            fragment: version.remoteFragment
        )
        // The peer's candidates are not needed: its checks show where it can be reached.
        guard case .restart(let fragment) = change else { return SignallingResponse.trickled() }
        guard let (answer, entityTag) = await server.restart(session, stream: stream, fragment) else {
            throw SignallingResponse.noSession
        }
        return SignallingResponse.restarted(answer, entityTag: entityTag)
    }

    private nonisolated(nonsending) func end(_ request: HTTPRequest) async throws -> HTTPResponse {
        let (stream, session) = try Self.session(of: request)
        guard await server.unpublish(session, stream: stream) else { throw SignallingResponse.noSession }
        return SignallingResponse.ended()
    }

    // MARK: Requests

    private static func stream(of request: HTTPRequest) throws -> String {
        guard let stream = request.parameters["stream"], Identifier.isValid(stream) else {
            throw noStream
        }
        return stream
    }

    private static func session(of request: HTTPRequest) throws -> (stream: String, session: String) {
        let parts = (request.parameters["session"] ?? "").split(separator: "-", maxSplits: 1)
        guard parts.count == 2, Int(parts[0]) != nil, Identifier.isValid(String(parts[1])) else {
            throw SignallingResponse.noSession
        }
        return (try stream(of: request), String(parts[1]))
    }

    /// An account that the gateway has vouched for, else a stream key as the bearer.
    private static func credential(of request: HTTPRequest, stream: String) throws -> PublishCredential {
        let role = request.headers["x-martlet-role"] ?? ""
        if role == "admin" || role == "member" {
            return .account(subject: request.headers["x-martlet-subject"] ?? role, streamID: stream)
        }
        let words = (request.headers["authorization"] ?? "").split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { throw problem(.wrongKey) }
        return .key(StreamKey(String(words[1])), streamID: stream)
    }

    private static func negotiate(_ offer: SDPOffer) throws -> [NegotiatedMedia] {
        do throws(Negotiation.Refusal) {
            return try Negotiation.receiving(
                offer,
                audio: PublishingPolicy.audio,
                video: PublishingPolicy.video
            ).map(PublishingPolicy.answer)
        } catch {
            throw error.problem
        }
    }

    // MARK: Problems

    private static let noStream = HTTPProblem(404, "no_such_stream", "There is no such stream.")

    private static func problem(_ refusal: WHIPServer.Refusal) -> HTTPProblem {
        switch refusal {
        case .full: SignallingResponse.full(retryAfter: retry)
        case .offers: SignallingResponse.tooManyOffers(retryAfter: busyRetry)
        case .publish(let refusal): problem(refusal)
        }
    }

    private static func problem(_ refusal: PublishRefusal) -> HTTPProblem {
        switch refusal {
        case .wrongKey:
            unauthorized("wrong_key", refusal)
        case .revokedKey:
            unauthorized("revoked_key", refusal)
        case .busy:
            HTTPProblem(409, "stream_busy", refusal.text, headers: ["retry-after": String(busyRetry)])
        case .unavailable:
            HTTPProblem(503, "unavailable", refusal.text, headers: ["retry-after": String(retry)])
        case .draining:
            SignallingResponse.draining
        }
    }

    private static func unauthorized(_ code: String, _ refusal: PublishRefusal) -> HTTPProblem {
        HTTPProblem(401, code, refusal.text, headers: ["www-authenticate": "Bearer realm=\"Martlet\""])
    }
}
