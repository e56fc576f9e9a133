/// A section of an offer with its meaning.
public struct MediaOffer: Equatable, Sendable {
    /// What a section carries.
    public enum Kind: Equatable, Sendable {
        case audio, video
        /// Data channels and whatever else is not sent by RTP.
        case other
    }

    /// Which way media go, as the offerer sees it.
    public enum Direction: String, Equatable, Sendable {
        case sendAndReceive = "sendrecv"
        case sendOnly = "sendonly"
        case receiveOnly = "recvonly"
        case inactive

        /// Whether the one whose direction this is sends.
        public var sends: Bool { self == .sendAndReceive || self == .sendOnly }
        /// Whether the one whose direction this is receives.
        public var receives: Bool { self == .sendAndReceive || self == .receiveOnly }
    }

    /// A header extension (RFC 8285).
    public struct Extension: Equatable, Sendable {
        /// The number in the packets, 1 to 14 in one-byte headers, to 255 in two-byte headers.
        public var id: UInt8
        /// What it is.
        public var uri: String

        /// Creates an extension.
        public init(id: UInt8, uri: String) {
            self.id = id
            self.uri = uri
        }
    }

    /// What the section carries.
    public var kind: Kind
    /// The `m=` word, the transport and the formats, which a refusal repeats.
    public var line: SDPDocument.Media
    /// The identification tag, where there is one.
    public var mid: String?
    /// Which way media go.
    public var direction: Direction
    /// Whether the offerer has switched the section off.
    public var isRejected: Bool
    /// Whether RTCP may share the port.
    public var allowsRTCPMux: Bool
    /// Whether RTCP packets may come without a report in front (RFC 5506).
    public var allowsReducedRTCP: Bool
    /// The payload types.
    public var codecs: [OfferedCodec]
    /// The header extensions.
    public var extensions: [Extension]
    /// The longest packets that the offerer takes, in milliseconds, where it says so (`maxptime`, RFC 8866 §6.5).
    public var packetMilliseconds: Int?
    /// The layers that the offerer wants to send (RFC 8853), in its order; empty without simulcast.
    public var sentLayers: [String]
    /// The SSRCs that the offerer names, in order.
    public var ssrcs: [UInt32]
    /// For each SSRC of media, the one of its retransmissions.
    public var retransmissionSSRCs: [UInt32: UInt32]
    /// Credentials, fingerprints and candidates.
    public var transport: TransportOffer

    /// The most layers that are taken.
    public static let layerLimit = 6
    /// The most SSRCs that are read.
    public static let ssrcLimit = 64
}

extension MediaOffer {
    /// Reads a section.
    init(_ media: SDPDocument.Media, session: [SDPDocument.Attribute]) {
        let attributes = media.attributes
        line = media
        line.attributes = []
        switch media.kind {
        case "audio": kind = .audio
        case "video": kind = .video
        default: kind = .other
        }
        mid = attributes.value(of: "mid")
        direction = Self.direction(in: attributes) ?? Self.direction(in: session) ?? .sendAndReceive
        isRejected = media.port == 0 && !attributes.has("bundle-only")
        allowsRTCPMux = attributes.has("rtcp-mux")
        allowsReducedRTCP = attributes.has("rtcp-rsize")
        codecs = OfferedCodec.all(in: media)
        extensions = Self.extensions(in: attributes + session)
        packetMilliseconds = attributes.value(of: "maxptime").flatMap { Int($0.trimmed) }
        sentLayers = Self.sentLayers(in: attributes)
        ssrcs = Self.ssrcs(in: attributes)
        retransmissionSSRCs = Self.retransmissions(in: attributes)
        transport = TransportOffer(attributes, session: session)
    }

    private static func direction(in attributes: [SDPDocument.Attribute]) -> Direction? {
        for attribute in attributes where attribute.value == nil {
            if let direction = Direction(rawValue: attribute.name) { return direction }
        }
        return nil
    }

    private static func extensions(in attributes: [SDPDocument.Attribute]) -> [Extension] {
        var extensions: [Extension] = []
        for value in attributes.values(of: "extmap") {
            let fields = value.words
            guard fields.count >= 2, let id = UInt8(fields[0].splitOnce(at: "/").first), id > 0 else {
                continue
            }
            guard !extensions.contains(where: { $0.id == id }) else { continue }
            extensions.append(Extension(id: id, uri: String(fields[1])))
        }
        return extensions
    }

    /// The layers of `a=simulcast:send`, as far as they have an `a=rid`; of alternatives the first.
    private static func sentLayers(in attributes: [SDPDocument.Attribute]) -> [String] {
        guard let fields = attributes.value(of: "simulcast")?.words else { return [] }
        guard let index = fields.firstIndex(of: "send"), index + 1 < fields.count else { return [] }
        let declared = attributes.values(of: "rid").compactMap { value -> Substring? in
            let words = value.words
            return words.count >= 2 && words[1] == "send" ? words[0] : nil
        }
        var layers: [String] = []
        for group in fields[index + 1].parts(between: ";") {
            guard var layer = group.parts(between: ",").first else { continue }
            if layer.utf8.first == UInt8(ascii: "~") { layer = layer.dropFirst() }
            guard declared.contains(layer), isLayerName(layer), !layers.contains(String(layer)) else {
                continue
            }
            if layers.count < layerLimit { layers.append(String(layer)) }
        }
        return layers
    }

    /// Whether `name` can be an RID: 1 to 16 letters and digits (RFC 8852 has no limit, its packets have).
    private static func isLayerName(_ name: Substring) -> Bool {
        (1...16).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
            }
    }

    private static func ssrcs(in attributes: [SDPDocument.Attribute]) -> [UInt32] {
        var ssrcs: [UInt32] = []
        for value in attributes.values(of: "ssrc") {
            guard let ssrc = UInt32(value.splitOnce(at: " ").first), !ssrcs.contains(ssrc) else { continue }
            if ssrcs.count < ssrcLimit { ssrcs.append(ssrc) }
        }
        return ssrcs
    }

    private static func retransmissions(in attributes: [SDPDocument.Attribute]) -> [UInt32: UInt32] {
        var pairs: [UInt32: UInt32] = [:]
        for value in attributes.values(of: "ssrc-group") {
            let fields = value.words
            guard fields.count == 3, fields[0] == "FID", pairs.count < ssrcLimit else { continue }
            if let media = UInt32(fields[1]), let repair = UInt32(fields[2]) { pairs[media] = repair }
        }
        return pairs
    }
}
