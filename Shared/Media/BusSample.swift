/// One sample as it crosses the media bus, with every time and cut already decided by its writer.
public struct BusSample: Sendable, Equatable {
    /// What is true of a sample.
    public struct Flags: OptionSet, Sendable, Hashable {
        /// The bits on the bus.
        public var rawValue: UInt16

        /// Creates flags from the bits on the bus.
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// Decoding can begin here.
        public static let keyframe = Flags(rawValue: 1)
        /// The timeline or the configuration breaks before this sample.
        public static let discontinuity = Flags(rawValue: 2)
        /// Nothing references the picture.
        public static let discardable = Flags(rawValue: 4)
        /// The first sample of its track in a segment.
        public static let segmentStart = Flags(rawValue: 8)
        /// The first sample of its track in a part.
        public static let partStart = Flags(rawValue: 16)
        /// The segment it starts does not begin with a keyframe.
        public static let notIndependent = Flags(rawValue: 32)
        /// The last sample of its track in its part, so that the part can be published at once.
        ///
        /// Its duration is never 0. A part may also end without it: at the next sample with
        /// `partStart`.
        public static let partEnd = Flags(rawValue: 64)
    }

    /// The track.
    public var track: TrackID
    /// The generation of the track's configuration.
    public var generation: UInt16
    /// What is true of it.
    public var flags: Flags
    /// The temporal layer, 0 where there is one.
    public var temporalLayer: UInt8
    /// The spatial layer, 0 where there is one.
    public var spatialLayer: UInt8
    /// Counts the samples of the track in this session, wrapping.
    public var sequence: UInt32
    /// When it is decoded, in the track's timescale; the session's first sample is at 10 s.
    public var decodeTime: Int64
    /// Presentation minus decode time, in the track's timescale.
    public var compositionOffset: Int32
    /// How long it lasts, in the track's timescale; 0 = until the next sample of the track.
    public var duration: UInt32
    /// The media sequence number of its segment, from 0 in each session; the same on all tracks.
    ///
    /// A track that had no sample in a segment leaves its number out.
    public var mediaSequence: UInt32
    /// The part within the segment, from 0.
    public var part: UInt16
    /// When it was captured by the hub's clock, nanoseconds since 1970: when the publisher's bytes arrived, or earlier where
    /// the publisher tells how old they were; for statistics and times of capture only.
    public var captureClock: UInt64
    /// The coded bytes: length-prefixed NAL units, raw AAC, an Opus packet or AV1 OBUs.
    public var payload: [UInt8]

    /// Creates a sample.
    public init(
        track: TrackID,
        generation: UInt16,
        flags: Flags = [],
        temporalLayer: UInt8 = 0,
        spatialLayer: UInt8 = 0,
        sequence: UInt32 = 0,
        decodeTime: Int64,
        compositionOffset: Int32 = 0,
        duration: UInt32 = 0,
        mediaSequence: UInt32 = 0,
        part: UInt16 = 0,
        captureClock: UInt64 = 0,
        payload: [UInt8]
    ) {
        self.track = track
        self.generation = generation
        self.flags = flags
        self.temporalLayer = temporalLayer
        self.spatialLayer = spatialLayer
        self.sequence = sequence
        self.decodeTime = decodeTime
        self.compositionOffset = compositionOffset
        self.duration = duration
        self.mediaSequence = mediaSequence
        self.part = part
        self.captureClock = captureClock
        self.payload = payload
    }
}
