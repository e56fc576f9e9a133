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
    var bytes: [UInt8]
}

extension MediaSession {
    /// The text of a media playlist, or `nil` where there is no such track or nothing to list yet.
    func playlist(_ key: PlaylistKey) -> [UInt8]? {
        caching { state in
            let version = state.playlistVersion(key)
            if let cached = state.playlists[key], cached.version == version { return cached.bytes }
            guard let playlist = state.mediaPlaylist(key) else { return nil }
            let bytes = Array(playlist.text(skipping: key.skips).utf8)
            state.playlists[key] = CachedPlaylist(version: version, bytes: bytes)
            return bytes
        }
    }

    /// The text of the master playlist, its URIs below `prefix`; `nil` where nothing can be played yet.
    func masterPlaylist(prefix: String, wholeSession: Bool) -> String? {
        caching { state in
            guard state.hasEveryTrackBegun else { return nil }
            let isWhole = (wholeSession || state.isEnded) && state.isRecording
            let renditions = state.renditions(prefix: prefix, isWhole: isWhole)
            return renditions.isEmpty ? nil : MasterPlaylist(renditions: renditions).text
        }
    }
}

extension TrackConfiguration {
    /// How much a decoder must be able to do: what can decode the most demanding of several can decode all.
    fileprivate var demand: (level: UInt8, pixels: Int, generation: UInt16) {
        let level = codec == .h264 && decoderConfiguration.count > 3 ? decoderConfiguration[3] : 0
        let pixels = (video?.width ?? 0).multipliedReportingOverflow(by: video?.height ?? 0).partialValue
        return (level, pixels, generation)
    }
}

extension TrackConfiguration {
    /// With the rate that was measured, where the publisher's own data name none, as a browser's do.
    fileprivate func completed(withFrameRate measured: Double?) -> TrackConfiguration {
        guard case .video(var video) = kind, video.frameRate == nil else { return self }
        video.frameRate = measured
        var completed = self
        completed.kind = .video(video)
        return completed
    }
}

extension TrackTimeline {
    /// The mean over the listed parts; `nil` before there are two.
    fileprivate var samplesPerSecond: Double? {
        guard let first = parts.first?.head, let last = parts.last?.head else { return nil }
        let length = seconds(last.endTime &- first.endTime)
        return length > 0 ? Double(last.lastSequence &- first.lastSequence) / length : nil
    }

    /// The generations of the configuration that a playlist of the track needs.
    fileprivate func generations(isWhole: Bool) -> Set<UInt16> {
        Set(segments[(isWhole ? 0 : windowStart)...].map(\.generation))
    }
}

extension MediaSession.State {
    /// Media that may exist of one track before another one's first part is no longer waited for.
    private static let longestLead = 1.0

    /// Whether a master playlist made now names what the session has, and not just its quickest track.
    var hasEveryTrackBegun: Bool {
        let current = currentConfigurations.map { timelines[$0.track] }
        if current.allSatisfy({ $0?.lastPart != nil }) { return true }
        return isEnded || current.contains { ($0?.spannedSeconds ?? 0) >= Self.longestLead }
    }

    /// The current tracks that have media, each as its most demanding listed configuration.
    func renditions(prefix: String, isWhole: Bool) -> [MasterPlaylist.Rendition] {
        currentConfigurations.compactMap { current in
            guard let timeline = timelines[current.track], timeline.lastPart != nil else { return nil }
            let listed = timeline.generations(isWhole: isWhole)
            let all = configurations[current.track]?.values.filter { listed.contains($0.generation) }
            let rates = timeline.bitRates
            return .init(
                configuration: (all?.max { $0.demand < $1.demand } ?? current)
                    .completed(withFrameRate: timeline.samplesPerSecond),
                uri: "\(prefix)\(current.track)/\(isWhole ? "dvr" : "live").m3u8",
                peakBitRate: rates.peak,
                averageBitRate: rates.average
            )
        }
    }

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

    private func renditionReports(besides track: TrackID) -> [MediaPlaylist.RenditionReport] {
        let current = Set(currentConfigurations.map(\.track))
        return timelines.keys.sorted().compactMap { other in
            guard other != track, current.contains(other), let last = timelines[other]?.lastPart else {
                return nil
            }
            return .init(
                uri: "../\(other)/live.m3u8",
                lastMediaSequence: last.id.mediaSequence,
                lastPart: Int(last.id.part)
            )
        }
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
            isGap: segment.isGap
        )
    }

    /// Bits a second: of the busiest listed segment, and of all.
    var bitRates: (peak: Int, average: Int) {
        var peak = 0.0
        var bits = 0.0
        var length = 0.0
        for segment in segments where !segment.isGap && segment.duration > 0 {
            let segmentBits = Double(segment.byteCount) * 8
            let segmentLength = seconds(segment.duration)
            bits += segmentBits
            length += segmentLength
            // A segment that has just begun is mostly its keyframe.
            if segment.isComplete || segments.count == 1 { peak = max(peak, segmentBits / segmentLength) }
        }
        let average = length > 0 ? bits / length : 0
        return (Int(min(peak, 1e12).rounded(.up)), Int(min(average, 1e12).rounded(.up)))
    }
}
