public import Contracts
public import Media
import Redis

/// Where an earlier epoch of a session ended.
public struct BusResumption: Sendable {
    /// The session as it was described last.
    public var session: SessionDescription
    /// All configurations that were described, of every generation.
    public var tracks: [TrackConfiguration]
    /// Where the stamper goes on.
    public var stamps: Stamper.ResumePoint
    /// The latest end of a sample on the session's timeline, or its beginning where there was none.
    public var end: MediaTime

    /// The newest part, by the numbers of its segment and in it; `nil` where there was none.
    public var last: (mediaSequence: UInt32, part: UInt16)?

    /// Where the newest part begins on the session's timeline; `nil` where that was not among what was looked at.
    public var lastPartStart: MediaTime?

    /// Creates a resumption of its parts.
    public init(
        session: SessionDescription,
        tracks: [TrackConfiguration],
        stamps: Stamper.ResumePoint,
        end: MediaTime
    ) {
        self.session = session
        self.tracks = tracks
        self.stamps = stamps
        self.end = end
    }
}

extension BusShard {
    /// Entries that are looked at, newest first, to find the last sample of every track.
    private static let resumptionEntryCount = 256

    /// What an earlier epoch of the session left on the bus, for a publisher that has come back, or for the
    /// next maker of a rendition.
    ///
    /// - Returns: `nil` where the bus holds no session of the stream.
    public func resumption(
        of streamID: String,
        rendition: RenditionName? = nil
    ) async throws(BusError) -> BusResumption? {
        let name = BusStreamName(streamID, rendition: rendition)
        let reply = try await ask(RedisCommand("HGETALL", BusKeys.tracks(name)))
        guard let description = BusDescription(reply: reply) else { return nil }
        let newest = try await ask(
            RedisCommand(
                "XREVRANGE",
                BusKeys.media(name),
                "+",
                "-",
                "COUNT",
                Self.resumptionEntryCount
            )
        )
        let entries = BusStreamReply.entries(of: newest).compactMap { raw in
            (try? BusEntry(decoding: raw.blob)).map { (epoch: raw.id.epoch, samples: $0.samples) }
        }
        return BusResumption(description, newestFirst: entries)
    }
}

extension BusResumption {
    /// Gathers what entries of the ring tell of a session.
    ///
    /// The ring outlives sessions: what an earlier one left there has times and numbers of its own. Entries of the
    /// described epoch are the session's; others are where they were captured after its beginning.
    init(_ description: BusDescription, newestFirst entries: [(epoch: UInt64, samples: [BusSample])]) {
        session = description.session
        tracks = description.tracks
        stamps = Stamper.ResumePoint(nextMediaSequence: 0, nextSequences: [:])
        end = MediaTime(ticks: Int64(SessionDescription.firstDecodeTime), timescale: 1)
        let beginning = UInt64(clamping: session.anchors.first?.wallClock ?? 0) &* 1000
        for (epoch, samples) in entries {
            let isDescribed = epoch == session.epoch
            for sample in samples
            where isDescribed || sample.captureClock == 0 || sample.captureClock >= beginning {
                include(sample)
            }
        }
    }

    private mutating func include(_ sample: BusSample) {
        let configuration = tracks.first { $0.track == sample.track && $0.generation == sample.generation }
        let timescale = configuration?.timescale ?? 90_000
        let sampleEnd = sample.decodeTime &+ Int64(sample.duration)
        end = max(end, MediaTime(ticks: sampleEnd, timescale: timescale))
        let place = (mediaSequence: sample.mediaSequence, part: sample.part)
        if last.map({ $0 < place }) ?? true { (last, lastPartStart) = (place, nil) }
        if let last, last == place, sample.flags.contains(.partStart) {
            lastPartStart = MediaTime(ticks: sample.decodeTime, timescale: timescale)
        }
        stamps.nextMediaSequence = max(stamps.nextMediaSequence, sample.mediaSequence &+ 1)
        let next = sample.sequence &+ 1
        stamps.nextSequences[sample.track] = max(stamps.nextSequences[sample.track] ?? 0, next)
    }
}
