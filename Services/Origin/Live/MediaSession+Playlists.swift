import Contracts
import Bytes
import HLS
import Media

/// Which playlist of a session is meant.
struct PlaylistKey: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case live, event
    }

    var track: TrackID
    var kind: Kind
    var skips: Bool
}

/// A playlist that was rendered for one state of its session, shared by all who ask for it meanwhile.
struct CachedPlaylist: Sendable {
    var version: UInt64
    var reports: [MediaPlaylist.RenditionReport]
    var bytes: [UInt8]
}

extension MediaSession {
    /// The text of a media playlist, or `nil` where there is no such track or nothing to list yet.
    ///
    /// - Parameter reports: How far tracks are that are not the session's own, for live playlists.
    func playlist(_ key: PlaylistKey, reports: [MediaPlaylist.RenditionReport] = []) -> [UInt8]? {
        caching { state in
            let version = state.playlistVersion(key)
            if let cached = state.playlists[key], cached.version == version, cached.reports == reports {
                return cached.bytes
            }
            guard var playlist = state.mediaPlaylist(key) else { return nil }
            if key.kind == .live { playlist.renditionReports += reports }
            let bytes = Array(playlist.text(skipping: key.skips).utf8)
            state.playlists[key] = CachedPlaylist(version: version, reports: reports, bytes: bytes)
            return bytes
        }
    }

    /// The newest part of any track.
    var newestPart: PartID? { read { $0.timelines.values.compactMap(\.lastPart?.id).max() } }

    /// How far its tracks are, for the playlists of what is made of them.
    var renditionReports: [MediaPlaylist.RenditionReport] {
        read { $0.renditionReports(besides: nil) }
    }
}

extension MediaSession.State {
    /// Equal for equal playlists: a live one may differ after every change, a whole one with every segment.
    func playlistVersion(_ key: PlaylistKey) -> UInt64 {
        guard key.kind == .event, isRecording, let timeline = timelines[key.track] else { return version }
        let growing = timeline.growing == nil ? 0 : 1
        let complete = UInt64(clamping: timeline.segments.count - growing)
        return complete << 1 | (timeline.isEnded ? 1 : 0)
    }

    func mediaPlaylist(_ key: PlaylistKey) -> MediaPlaylist? {
        guard let timeline = timelines[key.track], !timeline.segments.isEmpty else { return nil }
        switch key.kind {
        case .live:
            var playlist = timeline.livePlaylist(partTarget: description.partTarget)
            playlist.renditionReports = renditionReports(besides: key.track)
            return playlist
        case .event:
            return timeline.eventPlaylist(isRecording: isRecording)
        }
    }

    fileprivate func renditionReports(besides track: TrackID?) -> [MediaPlaylist.RenditionReport] {
        let current = currentConfigurations.map(\.track).sorted().filter { $0 != track }
        let own = current.compactMap { other in
            timelines[other]?.lastPart.map { MediaPlaylist.RenditionReport(on: $0.id, of: "\(other)") }
        }
        if track == nil { return own }
        return own
            + offers.compactMap { offer in
                guard let edge = timelines[offer.track]?.lastPart?.id else { return nil }
                // What nobody has asked for yet begins beside its source once somebody does.
                let last = renditions[offer.name]?.reach(beside: edge) ?? RenditionSession.start(beside: edge)
                return .init(on: last, of: "\(offer.name)")
            }
    }
}

extension MediaPlaylist.RenditionReport {
    /// What stands beside a playlist about another one's last part.
    fileprivate init(on last: PartID, of track: String) {
        self.init(
            uri: "../\(track)/live.m3u8",
            lastMediaSequence: last.mediaSequence,
            lastPart: Int(last.part)
        )
    }
}

extension TrackTimeline {
    /// The last minute, with parts.
    func livePlaylist(partTarget: Double) -> MediaPlaylist {
        let listed = segments[windowStart...]
        let newest = parts.last
        return MediaPlaylist(
            kind: .live(partTarget: partTarget),
            mediaSequence: listed.first?.mediaSequence ?? 0,
            discontinuitySequence: discontinuitySequence(at: windowStart),
            segments: listed.map { segment in
                var item = item(for: segment)
                item.parts = parts(of: segment.mediaSequence).map { part in
                    // A part whose last sample lasted unforeseeably long is announced with the target.
                    .init(
                        uri: "\(part.id).m4s",
                        duration: min(partTarget, seconds(Int64(part.head.duration))),
                        isIndependent: part.head.flags.contains(.independent)
                    )
                }
                return item
            },
            preloadHintURI: newest == nil || isEnded ? nil : "\(expectedPart).m4s",
            isEnded: isEnded
        )
    }

    /// The whole session without parts; where recording has stopped, as far as it is stored.
    func eventPlaylist(isRecording: Bool) -> MediaPlaylist {
        let listed = segments.prefix { $0.isComplete && (isRecording || $0.isStored) }
        return MediaPlaylist(
            kind: .event,
            mediaSequence: listed.first?.mediaSequence ?? segments.first?.mediaSequence ?? 0,
            discontinuitySequence: discontinuitySequence(at: 0),
            segments: listed.map(item(for:)),
            isEnded: isEnded
        )
    }

    /// The part that most probably comes next: segments of one publisher mostly have equally many.
    private var expectedPart: PartID {
        guard let last = segments.last else { return PartID(mediaSequence: 0, part: 0) }
        let before = segments.dropLast().last
        let isFull = last.isComplete || (before.map { !$0.isGap && $0.partCount == last.partCount } ?? false)
        if isFull { return PartID(mediaSequence: last.mediaSequence &+ 1, part: 0) }
        return PartID(mediaSequence: last.mediaSequence, part: UInt16(clamping: last.partCount))
    }

    private func discontinuitySequence(at index: Int) -> UInt32 {
        guard segments.indices.contains(index) else { return 0 }
        let segment = segments[index]
        // The tag of the first listed segment counts after the sequence, so it is not counted twice.
        return segment.isDiscontinuity ? segment.discontinuitySequence &- 1 : segment.discontinuitySequence
    }

    private func item(for segment: TimelineSegment) -> MediaPlaylist.Segment {
        MediaPlaylist.Segment(
            uri: "\(segment.mediaSequence).m4s",
            duration: segment.isComplete ? seconds(segment.duration) : nil,
            mapURI: "init-\(segment.generation).mp4",
            programDateTime: segment.programDateTime,
            isDiscontinuity: segment.isDiscontinuity,
            isGap: segment.isGap,
            isAfterGap: segment.isAfterGap
        )
    }
}
