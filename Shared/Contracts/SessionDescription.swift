/// What readers of the media bus must know of a session, as JSON in the tracks key.
public struct SessionDescription: Codable, Sendable, Equatable {
    /// Fixes the wall clock at one point of the media timeline; a new one only at a discontinuity.
    public struct Anchor: Codable, Sendable, Equatable {
        /// Seconds on the session's timeline, which begins at 10.
        public var decodeTime: Double
        /// The number of discontinuities before it.
        public var discontinuity: Int
        /// Microseconds since 1970 at that point.
        public var wallClock: Int64

        /// Creates an anchor.
        public init(decodeTime: Double, discontinuity: Int, wallClock: Int64) {
            self.decodeTime = decodeTime
            self.discontinuity = discontinuity
            self.wallClock = wallClock
        }
    }

    /// Where the timeline or a configuration breaks, on whichever track: one count for all of them.
    public struct Breaks: Codable, Sendable, Equatable {
        /// The breaks before those that are named.
        public var earlier: Int
        /// The media sequence numbers of the segments that begin with a break, rising.
        public var segments: [UInt32]

        /// All breaks so far.
        public var count: Int { earlier &+ segments.count }

        /// Creates breaks.
        public init(earlier: Int = 0, segments: [UInt32] = []) {
            self.earlier = earlier
            self.segments = segments
        }
    }

    /// Who publishes.
    public struct Publisher: Codable, Sendable, Equatable {
        /// The protocol, like `rtmp`.
        public var `protocol`: String
        /// What the encoder calls itself.
        public var encoder: String
        /// The address it comes from.
        public var address: String

        /// Creates a description of a publisher.
        public init(protocol: String, encoder: String, address: String) {
            self.protocol = `protocol`
            self.encoder = encoder
            self.address = address
        }
    }

    /// One track of the current set, by the number and the generation of its configuration.
    public struct Track: Codable, Sendable, Equatable {
        /// The number of the track.
        public var track: UInt16
        /// The generation of its configuration.
        public var generation: UInt16

        /// Creates a reference to a configuration.
        public init(track: UInt16, generation: UInt16) {
            self.track = track
            self.generation = generation
        }
    }

    /// One stream with a layer of a simulcast: the same picture in a size of its own.
    public struct Layer: Codable, Sendable, Equatable {
        /// The publisher's name for the layer that is carried (RFC 8851).
        public var rid: String
        /// The rendition that carries it, as ``RenditionName`` writes it; `nil` for the stream's own picture.
        public var rendition: String?
        /// The coded width in pixels.
        public var width: Int
        /// The coded height in pixels.
        public var height: Int
        /// Bits a second of late; 0 while that is not known.
        public var bitrate: Int

        /// Creates a layer.
        public init(rid: String, rendition: String?, width: Int, height: Int, bitrate: Int) {
            self.rid = rid
            self.rendition = rendition
            self.width = width
            self.height = height
            self.bitrate = bitrate
        }
    }

    /// The time on the media timeline at which every session begins, in seconds.
    public static let firstDecodeTime = 10.0

    /// The stream.
    public var streamId: String
    /// The session.
    public var sessionId: String
    /// The publisher's epoch: the first half of the entry IDs.
    public var epoch: UInt64
    /// The stream's name in URLs.
    public var slug: String
    /// The stream's title for people.
    public var title: String
    /// When the session began (RFC 3339).
    public var startedAt: String
    /// The part target in seconds, fixed for the session.
    public var partTarget: Double
    /// The anchors of the wall clock, by time.
    public var anchors: [Anchor]
    /// The breaks of the session, told before the first sample behind each; `nil` where its writer tells of none.
    public var breaks: Breaks?
    /// How long the session waits for a lost publisher, in seconds.
    public var graceSeconds: Int
    /// Whether the session is recorded.
    public var record: Bool
    /// Who publishes.
    public var publisher: Publisher
    /// The current set of tracks.
    public var tracks: [Track]
    /// The streams that carry the publisher's picture, best first, or `nil` without simulcast.
    ///
    /// The first one is the stream's own picture, and has no rendition; every other layer has the rendition of its
    /// RID. Where a layer falls silent, another one takes its place: on the stream itself the best that arrives,
    /// in a rendition the next smaller. The entry then names the RID and the size of the layer that is carried;
    /// renditions keep their names, so that no stream of a session ends before the session. All share the session's
    /// timeline, and begin segments of one number together.
    public var layers: [Layer]?

    /// Creates a description.
    public init(
        streamId: String,
        sessionId: String,
        epoch: UInt64,
        slug: String,
        title: String,
        startedAt: String,
        partTarget: Double = 0.3,
        anchors: [Anchor] = [],
        breaks: Breaks? = nil,
        graceSeconds: Int = 15,
        record: Bool = true,
        publisher: Publisher,
        tracks: [Track] = [],
        layers: [Layer]? = nil
    ) {
        self.streamId = streamId
        self.sessionId = sessionId
        self.epoch = epoch
        self.slug = slug
        self.title = title
        self.startedAt = startedAt
        self.partTarget = partTarget
        self.anchors = anchors
        self.breaks = breaks
        self.graceSeconds = graceSeconds
        self.record = record
        self.publisher = publisher
        self.tracks = tracks
        self.layers = layers
    }
}
