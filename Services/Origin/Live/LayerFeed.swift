import Contracts
import Media
import MediaBus

/// Where the layers of a stream are read; used on the bus reader's loop only.
struct LayerSource {
    /// Begins to follow a layer's rendition.
    var follow: (RenditionName, BusStart, any BusStreamHandler) -> Void
    /// Follows a rendition no longer.
    var unfollow: (RenditionName) -> Void
}

/// Packages one layer of a simulcast as a track of its session, on the bus reader's loop.
final class LayerFeed: BusStreamHandler, @unchecked Sendable {
    // SAFETY: the reader calls its handlers, and the owner its layers, on the reader's loop only.

    /// What the owner is told.
    enum Event {
        /// The configurations of the layer, as those of its track in the session, and the session's breaks.
        case configured([TrackConfiguration], SessionDescription.Breaks?)
        /// Parts and ends of segments of its track.
        case packaged([SessionPackager.Output])
        /// Entries are missing.
        case gap
    }

    let name: RenditionName
    /// The number of its track in the session.
    let track: TrackID
    /// The configuration that it has now.
    private(set) var current: SessionDescription.Track?
    /// Whether the publisher sends it now; one that is left goes on where it was when it comes back.
    var isFollowed = false
    /// The newest entry that it has taken.
    private(set) var last: BusEntryID?
    private var packager: SessionPackager
    private let tell: (Event) -> Void

    /// Creates the feed of a layer, or returns `nil` for a rendition that is none.
    ///
    /// - Parameter resumption: What is stored of the layer.
    init?(
        _ name: RenditionName,
        resuming resumption: TrackPackager.Resumption?,
        tell: @escaping (Event) -> Void
    ) {
        guard let track = name.layerTrack else { return nil }
        self.name = name
        self.track = track
        self.tell = tell
        packager = SessionPackager(
            resumptions: resumption.map { [track: $0] } ?? [:],
            isComplete: true
        )
    }

    func tracksChanged(_ session: SessionDescription, tracks: [TrackConfiguration]) {
        let own = tracks.filter { $0.track.rawValue == session.tracks.first?.track }.map { configuration in
            var own = configuration
            own.track = track
            return own
        }
        current = session.tracks.first.map { .init(track: track.rawValue, generation: $0.generation) }
        packager.update(configurations: own, clock: PresentationClock(session))
        tell(.configured(own, session.breaks))
    }

    func receive(_ entry: BusEntry, id: BusEntryID) {
        last = id
        // The publisher's coming and going, and the session's end, are told by its own stream.
        var media = entry
        media.flags = []
        for index in media.samples.indices { media.samples[index].track = track }
        let position = BusPosition(epoch: UInt32(clamping: id.epoch), counter: id.counter)
        tell(.packaged(packager.feed(media, at: position)))
    }

    func gap(after last: BusEntryID?, next: BusEntryID) {
        packager.loseEntries()
        tell(.gap)
    }

    func ended(_ reason: BusStreamEnd) { finish() }

    /// Closes what is open: nothing will follow, or only after a break.
    func finish() {
        tell(.packaged(packager.finish().filter { if case .sessionEnd = $0 { false } else { true } }))
    }
}
