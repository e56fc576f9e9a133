public import Media

/// The playlist that names the renditions of one session (RFC 8216 §4.3.4).
public struct MasterPlaylist: Sendable, Equatable {
    /// One track with its playlist.
    public struct Rendition: Sendable, Equatable {
        /// What the track holds.
        public var configuration: TrackConfiguration
        /// Its media playlist, relative to this one.
        public var uri: String
        /// The largest bit rate of a segment, in bits a second.
        public var peakBitRate: Int
        /// The mean bit rate, in bits a second.
        public var averageBitRate: Int

        /// Creates a rendition.
        public init(configuration: TrackConfiguration, uri: String, peakBitRate: Int, averageBitRate: Int) {
            self.configuration = configuration
            self.uri = uri
            self.peakBitRate = peakBitRate
            self.averageBitRate = averageBitRate
        }
    }

    /// All tracks, the preferred first of each kind.
    public var renditions: [Rendition]
    /// Whether every segment begins with a keyframe.
    public var hasIndependentSegments: Bool

    /// Creates a playlist.
    public init(renditions: [Rendition], hasIndependentSegments: Bool = false) {
        self.renditions = renditions
        self.hasIndependentSegments = hasIndependentSegments
    }

    /// The text of the playlist.
    public var text: String {
        var lines = "#EXTM3U\n#EXT-X-VERSION:\(MediaPlaylist.version)\n"
        if hasIndependentSegments { lines += "#EXT-X-INDEPENDENT-SEGMENTS\n" }
        let pictures = renditions.filter(\.configuration.isVideo)
        let sounds = renditions.filter { !$0.configuration.isVideo }
        guard !pictures.isEmpty else { return lines + soundVariants(sounds) }
        let groups = soundGroups(sounds)
        for group in groups { lines += media(group) }
        for picture in pictures {
            if groups.isEmpty { lines += variant(picture, nil) }
            for group in groups { lines += variant(picture, group) }
        }
        return lines
    }

    private struct SoundGroup {
        var name: String
        var members: [Rendition]
    }

    /// A group must be of one coding, so that one variant can promise it.
    private func soundGroups(_ sounds: [Rendition]) -> [SoundGroup] {
        var groups: [(codec: String, members: [Rendition])] = []
        for sound in sounds {
            let codec = sound.configuration.codecString
            if let index = groups.firstIndex(where: { $0.codec == codec }) {
                groups[index].members.append(sound)
            } else {
                groups.append((codec, [sound]))
            }
        }
        return groups.enumerated().map { index, group in
            SoundGroup(name: index == 0 ? "sound" : "sound-\(index)", members: group.members)
        }
    }

    private func media(_ group: SoundGroup) -> String {
        var lines = ""
        var names: Set<String> = []
        for (index, member) in group.members.enumerated() {
            let configuration = member.configuration
            var name = configuration.label ?? (index == 0 ? "Sound" : "Sound \(index + 1)")
            while !names.insert(name).inserted { name += " \(index + 1)" }
            var attributes = [
                "TYPE=AUDIO", "GROUP-ID=\(PlaylistText.quoted(group.name))",
                "NAME=\(PlaylistText.quoted(name))",
            ]
            if configuration.language != "und" {
                attributes.append("LANGUAGE=\(PlaylistText.quoted(configuration.language))")
            }
            attributes.append("DEFAULT=\(index == 0 ? "YES" : "NO")")
            attributes.append("AUTOSELECT=YES")
            if let channels = configuration.audio?.channelCount {
                attributes.append("CHANNELS=\"\(channels)\"")
            }
            attributes.append("URI=\(PlaylistText.quoted(member.uri))")
            lines += "#EXT-X-MEDIA:" + attributes.joined(separator: ",") + "\n"
        }
        return lines
    }

    private func variant(_ picture: Rendition, _ group: SoundGroup?) -> String {
        let configuration = picture.configuration
        let soundPeak = group?.members.map(\.peakBitRate).max() ?? 0
        let soundAverage = group?.members.map(\.averageBitRate).max() ?? 0
        var codecs = [configuration.codecString]
        if let sound = group?.members.first { codecs.append(sound.configuration.codecString) }
        var attributes = bitRates(
            peak: picture.peakBitRate &+ soundPeak,
            average: picture.averageBitRate &+ soundAverage
        )
        attributes.append("CODECS=\(PlaylistText.quoted(codecs.joined(separator: ",")))")
        if let video = configuration.video {
            attributes.append("RESOLUTION=\(video.width)x\(video.height)")
            if let rate = video.frameRate {
                attributes.append("FRAME-RATE=\(PlaylistText.decimal(rate, places: 3))")
            }
        }
        if let group { attributes.append("AUDIO=\(PlaylistText.quoted(group.name))") }
        return "#EXT-X-STREAM-INF:" + attributes.joined(separator: ",") + "\n\(picture.uri)\n"
    }

    private func soundVariants(_ sounds: [Rendition]) -> String {
        sounds.reduce(into: "") { lines, sound in
            var attributes = bitRates(peak: sound.peakBitRate, average: sound.averageBitRate)
            attributes.append("CODECS=\(PlaylistText.quoted(sound.configuration.codecString))")
            lines += "#EXT-X-STREAM-INF:" + attributes.joined(separator: ",") + "\n\(sound.uri)\n"
        }
    }

    private func bitRates(peak: Int, average: Int) -> [String] {
        ["BANDWIDTH=\(max(1, peak, average))", "AVERAGE-BANDWIDTH=\(max(1, average))"]
    }
}
