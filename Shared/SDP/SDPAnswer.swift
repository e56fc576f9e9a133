/// What we say about our transport: ICE-lite, and the server of DTLS.
public struct AnswerTransport: Equatable, Sendable {
    /// Our user name fragment.
    public var fragment: String
    /// Our password.
    public var password: String
    /// The digest of our certificate by SHA-256, with colons.
    public var fingerprint: String
    /// All our candidates.
    public var candidates: [Candidate]

    /// Creates a transport.
    public init(fragment: String, password: String, fingerprint: String, candidates: [Candidate]) {
        self.fragment = fragment
        self.password = password
        self.fingerprint = fingerprint
        self.candidates = candidates
    }
}

/// An answer (RFC 3264), as the negotiated sections and our transport make it.
public enum SDPAnswer {
    /// Returns the text of the answer.
    ///
    /// - Parameter sessionID: A number that nobody else uses, below 2^63.
    public static func text(
        _ media: [NegotiatedMedia],
        transport: AnswerTransport,
        sessionID: UInt64
    ) -> String {
        let tags = media.filter { $0.codec != nil }.compactMap(\.offer.mid)
        var document = SDPDocument(origin: "- \(sessionID) 1 IN IP4 0.0.0.0")
        document.attributes = [.init("ice-lite"), .init("msid-semantic", " WMS *")]
        if !tags.isEmpty { document.attributes.insert(.init("group", Self.group(tags)), at: 0) }
        var first = true
        for section in media {
            document.media.append(section.answer(transport, isFirst: first))
            if section.codec != nil { first = false }
        }
        return document.text
    }

    private static func group(_ tags: [String]) -> String { (["BUNDLE"] + tags).joined(separator: " ") }
}

extension NegotiatedMedia {
    /// The section of the answer; the first carries the candidates of all.
    fileprivate func answer(_ transport: AnswerTransport, isFirst: Bool) -> SDPDocument.Media {
        var section = offer.line
        section.connection = "IN IP4 0.0.0.0"
        if let mid = offer.mid { section.attributes = [.init("mid", mid)] }
        guard let codec else {
            section.port = 0
            return section
        }
        section.port = 9
        section.formats = [String(codec.payloadType)]
        section.attributes += [.init(direction.rawValue), .init("rtcp-mux")]
        if offer.allowsReducedRTCP { section.attributes.append(.init("rtcp-rsize")) }
        section.attributes += transport.attributes(withCandidates: isFirst)
        section.attributes += attributes(of: codec)
        if let repair = retransmissionPayloadType {
            section.formats.append(String(repair))
            section.attributes += [
                .init("rtpmap", "\(repair) rtx/\(codec.clockRate)"),
                .init("fmtp", "\(repair) apt=\(codec.payloadType)"),
            ]
        }
        section.attributes += extensions.map { .init("extmap", "\($0.id) \($0.uri)") }
        section.attributes += layerAttributes + sourceAttributes
        return section
    }

    private func attributes(of codec: OfferedCodec) -> [SDPDocument.Attribute] {
        let number = codec.payloadType
        var encoding = "\(number) \(codec.sdpName)/\(codec.clockRate)"
        if codec.channelCount > 1 { encoding += "/\(codec.channelCount)" }
        var attributes = [SDPDocument.Attribute("rtpmap", encoding)]
        if !codec.parameters.isEmpty { attributes.append(.init("fmtp", "\(number) \(codec.parameterText)")) }
        return attributes + feedback.map { .init("rtcp-fb", "\(number) \($0)") }
    }

    private var layerAttributes: [SDPDocument.Attribute] {
        guard !layers.isEmpty else { return [] }
        return layers.map { .init("rid", "\($0) recv") }
            + [.init("simulcast", "recv " + layers.joined(separator: ";"))]
    }

    private var sourceAttributes: [SDPDocument.Attribute] {
        guard let source else { return [] }
        var attributes = [SDPDocument.Attribute("msid", "\(source.stream) \(source.track)")]
        if let repair = source.retransmissionSSRC {
            attributes.append(.init("ssrc-group", "FID \(source.ssrc) \(repair)"))
        }
        for ssrc in [source.ssrc, source.retransmissionSSRC].compactMap(\.self) {
            attributes.append(.init("ssrc", "\(ssrc) cname:\(source.cname)"))
        }
        return attributes
    }
}

extension AnswerTransport {
    fileprivate func attributes(withCandidates: Bool) -> [SDPDocument.Attribute] {
        var attributes: [SDPDocument.Attribute] = [
            .init("ice-ufrag", fragment), .init("ice-pwd", password),
            .init("fingerprint", "sha-256 \(fingerprint)"), .init("setup", "passive"),
        ]
        guard withCandidates else { return attributes }
        attributes += candidates.map { .init("candidate", $0.value) }
        return attributes + [.init("end-of-candidates")]
    }
}

extension OfferedCodec {
    /// The name as its registration writes it.
    fileprivate var sdpName: String { name == "opus" || name == "rtx" ? name : name.uppercased() }
}
