import Codecs
import Media

/// What is known of a running publisher, for people and for metrics.
struct PublisherStatistics: Sendable {
    /// The span over which the bit rate is measured.
    static let window: UInt64 = 5_000_000_000
    /// A keyframe interval in seconds that makes joining and cutting slow.
    static let longKeyframeInterval = 4.5
    private static let videoTimescale = Double(TrackConfiguration.videoTimescale)
    /// Seconds between sound and picture that people notice as a fault of the encoder.
    static let noticeableDrift = 0.5

    /// Bytes of media received.
    private(set) var byteCount: UInt64 = 0
    /// Samples passed on to the bus.
    private(set) var sampleCount: UInt64 = 0
    /// Bits a second over the last whole window.
    private(set) var bitRate: Double = 0
    /// Seconds between the last two keyframes of the first video track.
    private(set) var keyframeInterval: Double?
    /// Ticks a second of the first audio track.
    var audioTimescale: UInt32 = 1
    /// Whether presentation and decode order differ.
    private(set) var hasReorderedFrames = false
    /// Pictures a second over the last whole window.
    private(set) var frameRate: Double = 0

    private var windowStart: UInt64
    private var windowByteCount: UInt64 = 0
    private var windowFrameCount: UInt64 = 0
    private var lastKeyframe: Int64?
    private var lastVideo: Int64?
    private var lastAudio: Int64?

    /// Creates empty statistics at `now` nanoseconds of the monotonic clock.
    init(now: UInt64) { windowStart = now }

    /// How much later sound is than the picture that came last, in seconds; negative where it is earlier.
    var drift: Double? {
        guard let lastVideo, let lastAudio else { return nil }
        return Double(lastAudio) / Double(max(1, audioTimescale)) - Double(lastVideo) / Self.videoTimescale
    }

    /// Counts the bytes of a message.
    mutating func count(bytes: Int, now: UInt64) {
        byteCount &+= UInt64(bytes)
        windowByteCount &+= UInt64(bytes)
        let elapsed = now &- windowStart
        guard elapsed >= Self.window else { return }
        let seconds = Double(elapsed) / 1e9
        bitRate = Double(windowByteCount) * 8 / seconds
        frameRate = Double(windowFrameCount) / seconds
        windowStart = now
        windowByteCount = 0
        windowFrameCount = 0
    }

    /// Looks at a sample that goes on the bus.
    mutating func count(_ sample: BusSample) {
        sampleCount &+= 1
        if sample.track == .audio { lastAudio = sample.decodeTime }
        guard sample.track == .video else { return }
        lastVideo = sample.decodeTime
        windowFrameCount &+= 1
        if sample.compositionOffset != 0 { hasReorderedFrames = true }
        guard sample.flags.contains(.keyframe) else { return }
        if let lastKeyframe {
            keyframeInterval = Double(sample.decodeTime &- lastKeyframe) / Self.videoTimescale
        }
        lastKeyframe = sample.decodeTime
    }

    /// What the publisher could do better, in plain words.
    func warnings(dropped: [DroppedPacket: UInt64], breakCount: UInt64) -> [String] {
        var texts: [String] = []
        if let keyframeInterval, keyframeInterval > Self.longKeyframeInterval {
            let seconds = Int(keyframeInterval.rounded())
            texts.append(
                "keyframe every \(seconds) s: set the keyframe interval to 2 s (OBS: Settings, Output)"
            )
        }
        if let drift, abs(drift) > Self.noticeableDrift {
            texts.append("sound and picture are \(Int(abs(drift) * 1000)) ms apart")
        }
        if breakCount > 0 { texts.append("the encoder's clock has jumped \(breakCount) times") }
        for (reason, count) in dropped.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            if let text = reason.advice(count) { texts.append(text) }
        }
        return texts
    }
}

extension DroppedPacket {
    /// What to tell the publisher after `count` such packets, or `nil` where it is no fault.
    func advice(_ count: UInt64) -> String? {
        switch self {
        case .unsupportedCodec: "\(count) packets are in a codec that browsers do not play: set H.264 and AAC"
        case .malformedTag, .badPayload: "\(count) packets were broken and dropped"
        case .badConfiguration: "\(count) decoder configurations were broken and ignored"
        case .tooManyTracks: "tracks beyond \(PublisherTracks.maximumCount) are dropped"
        case .noConfiguration: "\(count) packets came without a decoder configuration and were dropped"
        case .beforeKeyframe, .empty: nil
        }
    }
}
