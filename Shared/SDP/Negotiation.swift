/// What became of one section of an offer.
public struct NegotiatedMedia: Equatable, Sendable {
    /// What we send, as the answer announces it.
    public struct Source: Equatable, Sendable {
        /// The SSRC of the media.
        public var ssrc: UInt32
        /// The SSRC of the retransmissions.
        public var retransmissionSSRC: UInt32?
        /// The name that ties sound and pictures together.
        public var cname: String
        /// The media stream that the peer sees.
        public var stream: String
        /// The track that the peer sees.
        public var track: String

        /// Creates an announcement.
        public init(
            ssrc: UInt32,
            retransmissionSSRC: UInt32? = nil,
            cname: String,
            stream: String,
            track: String
        ) {
            self.ssrc = ssrc
            self.retransmissionSSRC = retransmissionSSRC
            self.cname = cname
            self.stream = stream
            self.track = track
        }
    }

    /// The section as it was offered.
    public var offer: MediaOffer
    /// The codec; `nil` refuses the section.
    public var codec: OfferedCodec?
    /// The payload type of retransmissions.
    public var retransmissionPayloadType: UInt8?
    /// The header extensions that both know, with the offerer's numbers.
    public var extensions: [MediaOffer.Extension] = []
    /// The feedback that both know.
    public var feedback: [String] = []
    /// Which way media go, as we see it.
    public var direction = MediaOffer.Direction.inactive
    /// The layers that we take, in the offerer's order.
    public var layers: [String] = []
    /// What we send; set it before the answer is written.
    public var source: Source?

    /// Whether anything is sent in the section, by either side.
    public var isActive: Bool { codec != nil && direction != .inactive }

    /// The number of a header extension in the packets.
    public func extensionID(_ uri: String) -> UInt8? { extensions.first { $0.uri == uri }?.id }

    /// Whether packets are to be numbered and reported for the whole transport.
    public var usesTransportFeedback: Bool {
        feedback.contains(Feedback.transportWide) && extensionID(ExtensionURI.transportSequence) != nil
    }

    init(refusing offer: MediaOffer) { self.offer = offer }
}

/// Finds what an offer and our policies have in common.
public enum Negotiation {
    /// Why an offer is refused as a whole.
    public enum Refusal: Error, Equatable {
        /// No section offers what we want: media to take, or the wish for media.
        case nothingOffered
        /// More than one section of a kind sends media.
        case tooManySections(MediaOffer.Kind)
        /// No codec is known to both.
        case noCommonCodec(MediaOffer.Kind)
    }

    /// Takes what a publisher offers: at most one section of sound and one of pictures, and each of them or none.
    public static func receiving(
        _ offer: SDPOffer,
        audio: MediaPolicy,
        video: MediaPolicy
    ) throws(Refusal) -> [NegotiatedMedia] {
        var taken: [MediaOffer.Kind] = []
        var media: [NegotiatedMedia] = []
        for section in offer.media {
            guard !section.isRejected, section.direction.sends, section.kind != .other else {
                media.append(idle(section, policy: section.kind == .audio ? audio : video))
                continue
            }
            guard !taken.contains(section.kind) else { throw .tooManySections(section.kind) }
            taken.append(section.kind)
            media.append(try agree(section, policy: section.kind == .audio ? audio : video, sending: false))
        }
        guard !taken.isEmpty else { throw .nothingOffered }
        return media
    }

    /// Gives a viewer what it asks for and we have: the first section of sound and the first of pictures.
    ///
    /// - Parameters:
    ///   - audio: `nil` where there is no sound; the section then stays without media.
    ///   - video: Likewise for pictures.
    public static func sending(
        _ offer: SDPOffer,
        audio: MediaPolicy?,
        video: MediaPolicy?
    ) throws(Refusal) -> [NegotiatedMedia] {
        var given: [MediaOffer.Kind] = []
        var media: [NegotiatedMedia] = []
        for section in offer.media {
            let policy = section.kind == .audio ? audio : section.kind == .video ? video : nil
            let isWanted = !section.isRejected && section.direction.receives && !given.contains(section.kind)
            guard let policy, isWanted else {
                media.append(idle(section, policy: policy))
                continue
            }
            given.append(section.kind)
            media.append(try agree(section, policy: policy, sending: true))
        }
        guard !given.isEmpty else { throw .nothingOffered }
        return media
    }

    /// Keeps a section open without media, or refuses one that carries none of ours.
    private static func idle(_ section: MediaOffer, policy: MediaPolicy?) -> NegotiatedMedia {
        var media = NegotiatedMedia(refusing: section)
        guard !section.isRejected, section.kind != .other else { return media }
        media.codec = policy.flatMap { choose(section, policy: $0) } ?? section.codecs.first
        return media
    }

    private static func agree(
        _ section: MediaOffer,
        policy: MediaPolicy,
        sending: Bool
    ) throws(Refusal) -> NegotiatedMedia {
        guard let codec = choose(section, policy: policy) else { throw .noCommonCodec(section.kind) }
        var media = NegotiatedMedia(refusing: section)
        media.codec = codec
        media.direction = sending ? .sendOnly : .receiveOnly
        media.extensions = section.extensions.filter { policy.extensions.contains($0.uri) }
        media.feedback = policy.feedback.filter(codec.feedback.contains)
        if policy.allowsRetransmission {
            let repair = section.codecs.first { $0.repairedPayloadType == codec.payloadType }
            media.retransmissionPayloadType = repair?.payloadType
        }
        if policy.layerLimit > 0, media.extensionID(ExtensionURI.streamID) != nil {
            media.layers = Array(section.sentLayers.prefix(policy.layerLimit))
        }
        return media
    }

    private static func choose(_ section: MediaOffer, policy: MediaPolicy) -> OfferedCodec? {
        policy.codecs.lazy.compactMap { $0.best(in: section.codecs) }.first
    }
}
