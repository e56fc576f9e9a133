import Contracts
import Media
import Reactor
import Synchronization

/// A rendition that a worker makes of a live session's sound while somebody fetches it.
struct RenditionOffer: Sendable {
    /// What a second of AAC takes for each channel, with what packaging adds.
    private static let bitsPerChannel = 72_000

    let name: RenditionName
    /// What its master playlist says before there is any of it.
    let configuration: TrackConfiguration

    var track: TrackID { configuration.track }
    var bitRate: Int { (configuration.audio?.channelCount ?? 2) * Self.bitsPerChannel }

    /// The sound of a track as AAC, for players that cannot play the track's own coding; `nil` where all can.
    init?(aacOf source: TrackConfiguration) {
        guard let audio = source.audio, source.codec.needsAAC else { return nil }
        name = .aac
        configuration = TrackConfiguration(
            track: source.track,
            generation: 1,
            codec: .aac,
            timescale: 48_000,
            decoderConfiguration: [],
            codecString: "mp4a.40.2",
            kind: .audio(
                .init(sampleRate: 48_000, channelCount: min(2, audio.channelCount), samplesPerFrame: 1024)
            ),
            language: source.language,
            label: source.label
        )
    }
}

extension Codec {
    /// Whether some players of HLS cannot play it, and a worker can make AAC of it.
    fileprivate var needsAAC: Bool {
        switch self {
        case .opus, .mp3, .alaw, .mulaw: true
        default: false
        }
    }

    /// Whether players of HLS and DASH know it at all.
    var isInPlaylists: Bool { self != .alaw && self != .mulaw }
}

/// A rendition of a session while it is fetched: its media, in memory alone, and when it was wanted last.
final class RenditionSession: Sendable {
    /// How long nobody may ask for it before it is made no longer: whole-segment players ask each four seconds.
    static let patience = Duration.seconds(10)

    let name: RenditionName
    let track: TrackID
    let media: MediaSession
    private let lastWant = Atomic<UInt64>(0)
    private let goal = Mutex(PartID(mediaSequence: 0, part: 0))

    init(_ offer: RenditionOffer, of description: SessionDescription) {
        name = offer.name
        track = offer.track
        var description = description
        description.record = false
        description.tracks = []
        media = MediaSession(description: description, folder: "", isRecording: false)
    }

    /// Whether somebody has asked for it lately.
    var isWanted: Bool {
        let last = lastWant.load(ordering: .relaxed)
        return last > 0 && EventLoop.now &- last < Self.patience.nanoseconds
    }

    /// Where it is to come before anybody is answered who asks for it, since it was last begun.
    var start: PartID { goal.withLock { $0 } }

    /// Whether it has come there.
    var hasCaughtUp: Bool { media.newestPart.map { $0 >= start } ?? false }

    /// How far it is for whoever asks for it now, where its source has `edge`.
    func reach(beside edge: PartID) -> PartID {
        let start = isWanted ? start : Self.start(beside: edge)
        return max(media.newestPart ?? start, start)
    }

    /// Where a rendition begins for its listeners: parts are its own, segments are its source's.
    static func start(beside edge: PartID) -> PartID { PartID(mediaSequence: edge.mediaSequence, part: 0) }

    /// Takes note that somebody asks for it, while its source has `edge`.
    ///
    /// - Returns: whether nobody had, lately.
    func want(beside edge: PartID?) -> Bool {
        let wasWanted = isWanted
        if !wasWanted, let edge { goal.withLock { $0 = Self.start(beside: edge) } }
        lastWant.store(EventLoop.now, ordering: .relaxed)
        return !wasWanted
    }

    /// Takes note that it is made no longer: whoever asks next has it begun again.
    func forgetWants() { lastWant.store(0, ordering: .relaxed) }
}

extension MediaSession.State {
    /// What can be fetched besides the publisher's own tracks: as long as the session is live, for only then it is made.
    var offers: [RenditionOffer] {
        guard !isEnded, let sound = currentConfigurations.first(where: { !$0.isVideo }) else { return [] }
        return RenditionOffer(aacOf: sound).map { [$0] } ?? []
    }
}

extension MediaSession {
    /// The rendition with that name, where it is offered, or was until the session ended.
    func rendition(_ name: RenditionName) -> RenditionSession? {
        caching { state in
            let offer = state.offers.first { $0.name == name }
            if let known = state.renditions[name], offer != nil || state.isEnded { return known }
            guard let offer else { return nil }
            let begun = RenditionSession(offer, of: state.description)
            state.renditions[name] = begun
            return begun
        }
    }

    /// What is made of the session now.
    var renditions: [RenditionSession] { read { Array($0.renditions.values) } }
}
