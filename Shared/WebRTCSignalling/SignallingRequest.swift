public import HTTPServing
public import SDP

/// What clients of WHIP (RFC 9725) and WHEP ask of a session's resource.
public enum SignallingRequest {
    /// The largest body that is read; browsers offer 3 to 12 kB.
    public static let bodyByteLimit = SDPDocument.Limits.byteCount

    /// What a PATCH wants.
    public enum Change: Sendable, Equatable {
        /// More candidates, or the end of them.
        case trickle(TrickleFragment)
        /// New credentials of ICE on both sides.
        case restart(TrickleFragment)
    }

    /// The media types of bodies.
    enum MediaType {
        static let description = "application/sdp"
        static let fragment = "application/trickle-ice-sdpfrag"
    }

    /// Reads the offer of a POST.
    ///
    /// - Throws: ``HTTPProblem`` 415, 413, 400 or 422, each with what the client has to change.
    public nonisolated(nonsending) static func offer(in request: HTTPRequest) async throws -> SDPOffer {
        let text = try await text(of: request, type: MediaType.description)
        do throws(SDPOffer.Failure) {
            return try SDPOffer(text)
        } catch {
            throw error.problem
        }
    }

    /// Reads the change that a PATCH asks for.
    ///
    /// - Parameters:
    ///   - entityTag: The tag of the session as it is, without quotes.
    ///   - fragment: The peer's user name fragment as it is.
    /// - Throws: ``HTTPProblem`` 415, 413, 400, 412 or 428.
    public nonisolated(nonsending) static func change(
        in request: HTTPRequest,
        entityTag: String,
        fragment known: String?
    ) async throws -> Change {
        let text = try await text(of: request, type: MediaType.fragment)
        let fragment: TrickleFragment
        do throws(TrickleFragment.Failure) {
            fragment = try TrickleFragment(text)
        } catch {
            throw HTTPProblem(400, "malformed_fragment", "The body is no fragment of ICE: \(error).")
        }
        let tags = request.headers["if-match"]
        if let tags, tags != "*", !matches(tags, entityTag) {
            throw HTTPProblem(
                412,
                "stale_session",
                "The session has restarted ICE since; use its newest ETag."
            )
        }
        // Without a precondition only candidates are taken: many clients send none for those.
        guard let new = fragment.fragment, new != known else { return .trickle(fragment) }
        guard tags != nil else {
            throw HTTPProblem(428, "precondition_required", "A restart of ICE needs the field If-Match: *.")
        }
        guard fragment.password != nil else {
            throw HTTPProblem(400, "malformed_fragment", "A restart of ICE needs ice-ufrag and ice-pwd.")
        }
        return .restart(fragment)
    }

    private nonisolated(nonsending) static func text(
        of request: HTTPRequest,
        type: String
    ) async throws -> String {
        let given = request.headers["content-type"]?.split(separator: ";").first?.lowercased() ?? ""
        guard given.filter({ $0 != " " }) == type else {
            throw HTTPProblem(415, "unsupported_media_type", "The body must be of the type \(type).")
        }
        let bytes = try await request.body.collect(upTo: bodyByteLimit)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether one of the tags of an `If-Match` is the strong tag `entityTag`.
    private static func matches(_ field: String, _ entityTag: String) -> Bool {
        field.split(separator: ",").contains { $0.filter { $0 != " " } == "\"\(entityTag)\"" }
    }
}

extension SDPOffer.Failure {
    /// What the client is told.
    public var problem: HTTPProblem {
        switch self {
        case .malformed(.tooLarge):
            .bodyTooLarge(limit: SDPDocument.Limits.byteCount)
        case .malformed(let failure):
            HTTPProblem(400, "malformed_sdp", "The body is no session description: \(failure).")
        case .noMedia: HTTPProblem(422, "no_media", "The offer has no section that is switched on.")
        case .notBundled:
            HTTPProblem(422, "not_bundled", "All sections must share one transport: offer with max-bundle.")
        case .noCredentials:
            HTTPProblem(
                422,
                "no_ice_credentials",
                "The offer has no ice-ufrag and ice-pwd of a legal length."
            )
        case .noFingerprint: HTTPProblem(422, "no_fingerprint", "The offer has no fingerprint by sha-256.")
        case .wrongSetup: HTTPProblem(422, "wrong_setup", "The server answers DTLS passively: offer actpass.")
        case .noRTCPMux: HTTPProblem(422, "no_rtcp_mux", "The offer must allow RTCP on the port of RTP.")
        case .isLite: HTTPProblem(422, "ice_lite", "The server is ICE-lite; the client must not be.")
        }
    }
}

extension Negotiation.Refusal {
    /// What the client is told.
    public var problem: HTTPProblem {
        switch self {
        case .nothingOffered:
            HTTPProblem(422, "nothing_offered", "No section goes the way that this address serves.")
        case .tooManySections(let kind):
            HTTPProblem(422, "too_many_sections", "At most one section may send \(kind.word).")
        case .noCommonCodec(let kind):
            HTTPProblem(422, "no_common_codec", "No codec of the offered \(kind.word) is known here.")
        }
    }
}

extension MediaOffer.Kind {
    fileprivate var word: String {
        switch self {
        case .audio: "sound"
        case .video: "pictures"
        case .other: "data"
        }
    }
}
