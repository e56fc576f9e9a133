public import Media

/// The name of a rendition on the bus: media derived from a stream, or another layer of it, beside the
/// publisher's own.
///
/// A rendition has a stream of samples and a hash of tracks like the publisher's, with a writer of its own and
/// epochs of its own; its session's ID, its times, segments and parts are the source's.
public struct RenditionName: Sendable, Hashable, CustomStringConvertible {
    /// How a rendition comes to be.
    public enum Kind: Sendable, Hashable {
        /// The sound as Opus at 48 kHz, made by a worker while somebody wants it.
        case opus
        /// The sound as AAC-LC, made by a worker while somebody wants it.
        case aac
        /// The pictures as H.264 without B-frames, made by a worker while somebody wants it.
        case withoutBFrames
        /// One layer of a simulcast, by its RID, which ingest writes as long as the publisher sends it.
        case layer(String)
    }

    /// The sound as Opus.
    public static let opus = RenditionName(kind: .opus)
    /// The sound as AAC-LC.
    public static let aac = RenditionName(kind: .aac)
    /// The pictures without B-frames.
    public static let withoutBFrames = RenditionName(kind: .withoutBFrames)
    /// The characters of the longest RID.
    public static let longestRID = 16

    private static let layerPrefix = "r-"

    /// What the name stands for.
    public let kind: Kind

    private init(kind: Kind) { self.kind = kind }

    /// The layer with a RID (RFC 8851), or `nil` where that is none of at most ``longestRID`` letters, digits,
    /// `-` and `_`.
    public static func layer(_ rid: some StringProtocol) -> RenditionName? {
        guard (1...longestRID).contains(rid.utf8.count), rid.utf8.allSatisfy(isOfRID) else { return nil }
        return RenditionName(kind: .layer(String(rid)))
    }

    /// Reads a name as it stands in keys; `nil` where it is none.
    public init?(parsing text: some StringProtocol) {
        switch String(text) {
        case "opus": self = .opus
        case "aac": self = .aac
        case "nob": self = .withoutBFrames
        case let text where text.hasPrefix(Self.layerPrefix):
            guard let layer = Self.layer(text.dropFirst(Self.layerPrefix.count)) else { return nil }
            self = layer
        default: return nil
        }
    }

    /// The name as it stands in keys: `opus`, `aac`, `nob` or `r-<rid>`.
    public var description: String {
        switch kind {
        case .opus: "opus"
        case .aac: "aac"
        case .withoutBFrames: "nob"
        case .layer(let rid): Self.layerPrefix + rid
        }
    }

    /// Whether a worker makes it while somebody wants it.
    public var isMadeOnDemand: Bool {
        if case .layer = kind { return false }
        return true
    }

    /// The number of a layer's track in the session that it is stored in beside the publisher's own tracks, by its
    /// name alone; `nil` for what is not a layer.
    public var layerTrack: TrackID? {
        guard case .layer(let rid) = kind else { return nil }
        return TrackID(rawValue: TrackID.firstLayer | UInt16(truncatingIfNeeded: rid.fnv1a ^ rid.fnv1a >> 16))
    }

    private static func isOfRID(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x2d, 0x30...0x39, 0x41...0x5a, 0x5f, 0x61...0x7a: true
        default: false
        }
    }
}

extension TrackID {
    /// Tracks from this number on are layers of a simulcast; publishers have few tracks, numbered from 0.
    public static let firstLayer: UInt16 = 0x8000

    /// Whether the track is a layer beside the publisher's own picture, see ``RenditionName/layerTrack``.
    public var isLayer: Bool { rawValue >= Self.firstLayer }
}

/// The name of one stream of samples on the bus: a publisher's own, or a rendition of it.
public struct BusStreamName: Sendable, Hashable, CustomStringConvertible {
    /// The stream that is published.
    public var streamID: String
    /// The rendition, `nil` for the publisher's own samples.
    public var rendition: RenditionName?

    /// Creates a name.
    public init(_ streamID: String, rendition: RenditionName? = nil) {
        self.streamID = streamID
        self.rendition = rendition
    }

    /// Reads `<streamID>` or `<streamID>:<rendition>`.
    public init?(parsing text: some StringProtocol) {
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let streamID = halves.first, !streamID.isEmpty else { return nil }
        self.init(String(streamID))
        guard halves.count == 2 else { return }
        guard let rendition = RenditionName(parsing: halves[1]) else { return nil }
        self.rendition = rendition
    }

    /// The name as it ends keys: `<streamID>` or `<streamID>:<rendition>`.
    public var description: String { rendition.map { "\(streamID):\($0)" } ?? streamID }
}
