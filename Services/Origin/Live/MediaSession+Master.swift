import Contracts
import HLS
import Media

extension MediaSession {
    /// The text of the master playlist, its URIs below `prefix`; `nil` where nothing can be played yet.
    func masterPlaylist(prefix: String, wholeSession: Bool) -> String? {
        caching { state in
            guard state.hasEveryTrackBegun else { return nil }
            let isWhole = (wholeSession || state.isEnded) && state.isRecording
            let renditions = state.masterRenditions(prefix: prefix, isWhole: isWhole)
            return renditions.isEmpty ? nil : MasterPlaylist(renditions: renditions).text
        }
    }
}

extension MediaSession.State {
    /// Media that may exist of one track before another one's first part is no longer waited for.
    private static let longestLead = 1.0

    /// Whether a master playlist made now names what the session has, and not just its quickest track.
    var hasEveryTrackBegun: Bool {
        if currentConfigurations.allSatisfy({ $0.canBeListed(timelines[$0.track]) }) { return true }
        return isEnded
            || currentConfigurations.contains {
                (timelines[$0.track]?.spannedSeconds ?? 0) >= Self.longestLead
            }
    }

    /// Everything that a master playlist names: the session's tracks that HLS can carry, then what is made of them.
    fileprivate func masterRenditions(prefix: String, isWhole: Bool) -> [MasterPlaylist.Rendition] {
        let tracks = listedConfigurations.compactMap { trackRendition($0, prefix: prefix, isWhole: isWhole) }
        if isWhole { return tracks }
        return tracks
            + offers.map { offer in
                let rates = renditions[offer.name]?.media.read { $0.timelines[offer.track]?.bitRates }
                return MasterPlaylist.Rendition(
                    configuration: offer.configuration,
                    uri: "\(prefix)\(offer.name)/live.m3u8",
                    peakBitRate: max(offer.bitRate, rates?.peak ?? 0),
                    averageBitRate: rates?.average ?? offer.bitRate
                )
            }
    }

    /// The current tracks that HLS can carry.
    ///
    /// A layer joins them when its rate is known, unless it is the only one.
    private var listedConfigurations: [TrackConfiguration] {
        let all = currentConfigurations.filter(\.codec.isInPlaylists)
        let known = all.filter { $0.canBeListed(timelines[$0.track]) }
        return known.contains(where: \.isVideo) || !all.contains(where: \.isVideo) ? known : all
    }

    /// A current track that has media, as its most demanding listed configuration.
    private func trackRendition(
        _ current: TrackConfiguration,
        prefix: String,
        isWhole: Bool
    ) -> MasterPlaylist.Rendition? {
        guard let timeline = timelines[current.track], timeline.lastPart != nil else { return nil }
        let listed = timeline.generations(isWhole: isWhole)
        let all = configurations[current.track]?.values.filter { listed.contains($0.generation) }
        let rates = timeline.bitRates
        let frameRate = timeline.frameRate(isWhole: isWhole) ?? (isEnded ? timeline.rateOfOnlyPart : nil)
        return .init(
            configuration: (all?.max { $0.demand < $1.demand } ?? current)
                .completed(withFrameRate: frameRate),
            uri: "\(prefix)\(current.track)/\(isWhole ? "dvr" : "live").m3u8",
            peakBitRate: rates.peak,
            averageBitRate: rates.average
        )
    }
}

extension TrackConfiguration {
    /// Whether there are media of it, and all that a master playlist says of it is known.
    fileprivate func canBeListed(_ timeline: TrackTimeline?) -> Bool {
        guard let timeline, timeline.lastPart != nil else { return false }
        guard case .video(let video) = kind else { return true }
        return video.frameRate != nil || timeline.samplesPerSecond != nil
    }

    /// How much a decoder must be able to do: what can decode the most demanding of several can decode all.
    fileprivate var demand: (level: UInt8, pixels: Int, generation: UInt16) {
        let level = codec == .h264 && decoderConfiguration.count > 3 ? decoderConfiguration[3] : 0
        let pixels = (video?.width ?? 0).multipliedReportingOverflow(by: video?.height ?? 0).partialValue
        return (level, pixels, generation)
    }

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
    /// Rates that pictures are made at, a second.
    private static let usualRates = [24.0, 25, 30, 48, 50, 60, 90, 120]
    /// Those of them that television has a thousandth less of.
    private static let televisionRates = [24.0, 30, 48, 60, 120]
    /// How far a measured rate may be off the one that was meant, as a fraction of that.
    private static let rateTolerance = 0.02

    /// The largest rate of the listed segments (draft-pantos-hls-rfc8216bis §4.4.6.2), or the mean of what there is before
    /// there is enough to say; `nil` before there are two parts.
    fileprivate func frameRate(isWhole: Bool) -> Double? {
        let listed = segments[(isWhole ? 0 : windowStart)...]
        let peak = listed.map(\.peakRate).max() ?? 0
        guard let rate = (peak > 0 ? peak : samplesPerSecond).map({ Self.meant(by: $0) }) else { return nil }
        return Self.refined(rate, by: listed.map(\.steadyRate).max() ?? 0)
    }

    /// The rate of television that is a thousandth less than `rate`, where that is what was measured over a long time.
    ///
    /// - Parameter steady: The largest of such rates, since pictures that were left out make one smaller; 0 for none.
    private static func refined(_ rate: Double, by steady: Double) -> Double {
        let less = rate * 1000 / 1001
        return abs(steady - less) < (rate - less) / 2 && televisionRates.contains(rate) ? less : rate
    }

    /// The rate that is meant by a measured one: one of the usual, else a whole number, where that is near enough.
    private static func meant(by measured: Double) -> Double {
        let candidates = usualRates + [measured.rounded()]
        return candidates.first { abs(measured - $0) <= $0 * rateTolerance } ?? measured
    }

    /// The mean over the listed parts; `nil` before there are two.
    fileprivate var samplesPerSecond: Double? {
        guard let first = parts.first?.head, let last = parts.last?.head else { return nil }
        let length = seconds(last.endTime &- first.endTime)
        return length > 0 ? Double(last.lastSequence &- first.lastSequence) / length : nil
    }

    /// The mean over the first part of a track that has no other.
    fileprivate var rateOfOnlyPart: Double? {
        guard parts.count == 1, let only = parts.first?.head, only.duration > 0,
            only.id == PartID(mediaSequence: 0, part: 0)
        else { return nil }
        return (Double(only.lastSequence) + 1) / seconds(Int64(only.duration))
    }

    /// The generations of the configuration that a playlist of the track needs.
    fileprivate func generations(isWhole: Bool) -> Set<UInt16> {
        Set(segments[(isWhole ? 0 : windowStart)...].map(\.generation))
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
