import Media
import RTP

/// Cuts the samples of one track into packets, and counts frames and packets.
struct TrackPacketiser {
    /// With 12 bytes of header, at most 24 of extensions, 2 of a retransmission and 16 of a tag, a packet stays
    /// below 1,200 bytes, which every path carries.
    static let payloadByteLimit = 1144
    /// The lengths of payload that pictures are tried with: the best is what becomes fewest runs.
    private static let payloadByteLimits = [payloadByteLimit, 1000, 860, 730, 600]
    /// What a frame of the timeline is counted in.
    private static let nanosecondsPerSecond: UInt32 = 1_000_000_000

    private(set) var configuration: TrackConfiguration
    private var packetisers: [Packetiser]
    private var frame: UInt64 = 0
    private var packet: UInt64 = 0
    private var run = PayloadRun()
    /// The newest sample whose time of capture is told.
    private var lastTimed = Int64.min / 2

    /// Creates a packetiser, or returns `nil` for a coding that WebRTC does not carry.
    init?(_ configuration: TrackConfiguration) {
        guard configuration.isVideo || configuration.codec == .opus else { return nil }
        self.configuration = configuration
        packetisers = (configuration.isVideo ? Self.payloadByteLimits : [Self.payloadByteLimit]).compactMap {
            Packetiser(configuration, maximumPayloadByteCount: $0)
        }
        if packetisers.isEmpty { return nil }
    }

    /// Goes on with another generation of the same coding.
    ///
    /// - Returns: `false` where viewers cannot go on with it.
    mutating func reconfigure(_ configuration: TrackConfiguration) -> Bool {
        guard configuration.codec == self.configuration.codec else { return false }
        self.configuration = configuration
        return packetisers.indices.allSatisfy { packetisers[$0].use(configuration) }
    }

    /// Cuts a sample; `nil` where it is damaged.
    ///
    /// - Parameter isFollowed: Whether sound may be sent behind it.
    mutating func packetise(
        _ sample: BusSample,
        at now: UInt64,
        on timeline: SessionTimeline = SessionTimeline(),
        isFollowed: Bool = false
    ) -> PacketBlock? {
        guard let run = cut(sample, isFollowed) else { return nil }
        let presentation = sample.decodeTime &+ Int64(sample.compositionOffset)
        let time = MediaTime(ticks: presentation, timescale: configuration.timescale)
        let mediaTime = time.ticks(in: Self.nanosecondsPerSecond)
        let isKeyframe = sample.flags.contains(.keyframe) || !configuration.isVideo
        let block = PacketBlock(
            frame: frame,
            firstPacket: packet,
            timestamp: time.ticks(in: configuration.isVideo ? 90_000 : OpusPayload.clockRate),
            mediaTime: mediaTime,
            isKeyframe: isKeyframe,
            arrival: now,
            captureTime: captureTime(of: mediaTime, isKeyframe && configuration.isVideo, on: timeline),
            payloads: run.payloads,
            paddings: run.paddings
        )
        frame &+= 1
        packet &+= UInt64(run.payloads.count)
        return block
    }

    /// When a sample was captured, for one in a second and every keyframe: receivers know the others by those.
    private mutating func captureTime(
        of mediaTime: Int64,
        _ isKeyframe: Bool,
        on timeline: SessionTimeline
    ) -> UInt64? {
        guard
            isKeyframe || mediaTime &- lastTimed >= Int64(Self.nanosecondsPerSecond) || mediaTime < lastTimed,
            let wallClock = timeline.wallClock(at: mediaTime)
        else { return nil }
        lastTimed = mediaTime
        return NTPClock.time(wallClock)
    }

    private mutating func cut(_ sample: BusSample, _ isFollowed: Bool) -> AlignedRun? {
        var best: AlignedRun?
        // Each is asked, as some count the pictures.
        for index in packetisers.indices {
            guard cut(sample, by: index), !run.isEmpty else { return nil }
            let next = AlignedRun(run, isFollowed: isFollowed)
            if next.cost < best?.cost ?? .max { best = next }
        }
        return best
    }

    private mutating func cut(_ sample: BusSample, by index: Int) -> Bool {
        let isKeyframe = sample.flags.contains(.keyframe)
        run.removeAll()
        do throws(PayloadFailure) {
            try packetisers[index].packetise(sample.payload.span, isKeyframe: isKeyframe, into: &run)
            return true
        } catch {
            return false
        }
    }
}

extension TrackConfiguration {
    /// The profiles of H.264 that have more bits or more colour (ITU-T H.264 §A.2): High 10, 4:2:2, 4:4:4, CAVLC 4:4:4.
    private static let richProfiles: Set<UInt8> = [110, 122, 244, 44]

    /// Whether no browser decodes these pictures over WebRTC, whatever is done about their order.
    var isBeyondBrowsers: Bool {
        codec == .h264 && decoderConfiguration.count > 1
            && Self.richProfiles.contains(decoderConfiguration[1])
    }
}
