/// A coding of media, by the four characters that ISO files and Enhanced RTMP use.
public enum Codec: String, Sendable, Hashable, CaseIterable {
    case h264 = "avc1"
    case hevc = "hvc1"
    case av1 = "av01"
    case vp9 = "vp09"
    case vp8 = "vp08"
    case aac = "mp4a"
    case opus = "Opus"
    case mp3 = ".mp3"
    case ac3 = "ac-3"
    case eac3 = "ec-3"
    case flac = "fLaC"
    /// G.711, A-law.
    case alaw
    /// G.711, µ-law.
    case mulaw = "ulaw"

    /// Whether it codes pictures.
    public var isVideo: Bool {
        switch self {
        case .h264, .hevc, .av1, .vp9, .vp8: true
        case .aac, .opus, .mp3, .ac3, .eac3, .flac, .alaw, .mulaw: false
        }
    }
}

/// The number of a track within its stream; video is 0, sound 1, further tracks go on from 2.
public struct TrackID: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The number on the bus.
    public var rawValue: UInt16

    /// Creates an ID from the number on the bus.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Orders tracks by number.
    public static func < (lhs: TrackID, rhs: TrackID) -> Bool { lhs.rawValue < rhs.rawValue }

    /// The number in decimal.
    public var description: String { String(rawValue) }
}

/// One configuration of one track: what a decoder and a packager must know before its samples.
public struct TrackConfiguration: Sendable, Hashable {
    /// What a picture looks like.
    public struct Video: Sendable, Hashable {
        /// The coded size in pixels, after cropping.
        public var width: Int
        /// The coded size in pixels, after cropping.
        public var height: Int
        /// Frames a second where the publisher or the bitstream says so, else `nil`.
        public var frameRate: Double?
        /// Clockwise rotation for display, in degrees.
        public var rotation: Int = 0

        /// Creates a description of pictures.
        public init(width: Int, height: Int, frameRate: Double? = nil, rotation: Int = 0) {
            self.width = width
            self.height = height
            self.frameRate = frameRate
            self.rotation = rotation
        }
    }

    /// What sound looks like.
    public struct Audio: Sendable, Hashable {
        /// Samples a second that the decoder puts out.
        public var sampleRate: Int
        /// The number of channels.
        public var channelCount: Int
        /// Samples in one coded frame, where that is fixed.
        public var samplesPerFrame: Int?

        /// Creates a description of sound.
        public init(sampleRate: Int, channelCount: Int, samplesPerFrame: Int? = nil) {
            self.sampleRate = sampleRate
            self.channelCount = channelCount
            self.samplesPerFrame = samplesPerFrame
        }
    }

    /// The parts that differ by kind.
    public enum Kind: Sendable, Hashable {
        case video(Video)
        case audio(Audio)
    }

    /// The track.
    public var track: TrackID
    /// Counts the configurations of a track from 1; samples name it.
    public var generation: UInt16
    /// The coding.
    public var codec: Codec
    /// Ticks a second of the sample times: 90,000 for video, the sample rate for sound.
    public var timescale: UInt32
    /// The decoder configuration: the contents of `avcC`, `hvcC`, `av1C`, `vpcC` (with its version and
    /// flags), `dOps`, `dac3`, `dec3` or `dfLa`, or the AudioSpecificConfig of AAC; empty for MP3 and G.711.
    public var decoderConfiguration: [UInt8]
    /// The codec string of RFC 6381, like `avc1.64001f`.
    public var codecString: String
    /// Pictures or sound.
    public var kind: Kind
    /// The language (BCP 47), `und` where unknown.
    public var language: String
    /// A name for people, where the publisher gave one.
    public var label: String?

    /// Creates a configuration.
    public init(
        track: TrackID,
        generation: UInt16,
        codec: Codec,
        timescale: UInt32,
        decoderConfiguration: [UInt8],
        codecString: String,
        kind: Kind,
        language: String = "und",
        label: String? = nil
    ) {
        self.track = track
        self.generation = generation
        self.codec = codec
        self.timescale = timescale
        self.decoderConfiguration = decoderConfiguration
        self.codecString = codecString
        self.kind = kind
        self.language = language
        self.label = label
    }

    /// Whether the track shows pictures.
    public var isVideo: Bool {
        if case .video = kind { return true }
        return false
    }

    /// The picture's description, of a video track.
    public var video: Video? {
        if case .video(let video) = kind { return video }
        return nil
    }

    /// The sound's description, of an audio track.
    public var audio: Audio? {
        if case .audio(let audio) = kind { return audio }
        return nil
    }
}
