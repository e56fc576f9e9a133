/// A media playlist of one track, live with parts or whole without them (draft-pantos-hls-rfc8216bis §4.4).
public struct MediaPlaylist: Sendable, Equatable {
    /// Part of a segment, with a URL of its own.
    public struct Part: Sendable, Equatable {
        /// Where it is, relative to the playlist.
        public var uri: String
        /// Its length in seconds.
        public var duration: Double
        /// Whether it begins with a keyframe.
        public var isIndependent: Bool

        /// Creates a part.
        public init(uri: String, duration: Double, isIndependent: Bool) {
            self.uri = uri
            self.duration = duration
            self.isIndependent = isIndependent
        }
    }

    /// One segment, complete or growing.
    public struct Segment: Sendable, Equatable {
        /// Where it is, relative to the playlist.
        public var uri: String
        /// Its length in seconds, or `nil` while it grows.
        public var duration: Double?
        /// Its parts, in order.
        public var parts: [Part] = []
        /// Where its init segment is.
        public var mapURI: String
        /// When it begins, in microseconds since 1970.
        public var programDateTime: Int64
        /// Whether timeline or coding break before it.
        public var isDiscontinuity: Bool
        /// Whether its media is missing.
        public var isGap: Bool
        /// Whether media are missing right before it, so that its date does not follow from the lengths before it.
        public var isAfterGap: Bool

        /// Creates a segment.
        public init(
            uri: String,
            duration: Double?,
            parts: [Part] = [],
            mapURI: String,
            programDateTime: Int64,
            isDiscontinuity: Bool = false,
            isGap: Bool = false,
            isAfterGap: Bool = false
        ) {
            self.uri = uri
            self.duration = duration
            self.parts = parts
            self.mapURI = mapURI
            self.programDateTime = programDateTime
            self.isDiscontinuity = isDiscontinuity
            self.isGap = isGap
            self.isAfterGap = isAfterGap
        }
    }

    /// How far another rendition has come.
    public struct RenditionReport: Sendable, Equatable {
        /// Its playlist, relative to this one.
        public var uri: String
        /// The newest segment that has a part.
        public var lastMediaSequence: UInt32
        /// The newest part of that segment.
        public var lastPart: Int

        /// Creates a report.
        public init(uri: String, lastMediaSequence: UInt32, lastPart: Int) {
            self.uri = uri
            self.lastMediaSequence = lastMediaSequence
            self.lastPart = lastPart
        }
    }

    /// Which of the two playlists of a track it is.
    public enum Kind: Sendable, Equatable {
        /// The live window, with parts of at most `partTarget` seconds.
        case live(partTarget: Double)
        /// The whole session, which only grows, without parts.
        case event
    }

    /// The version that skipping asks for.
    public static let version = 9
    /// The segments' promised length in seconds, always.
    public static let targetDuration = 4
    /// How far from the end classic players stay, in seconds.
    public static let holdBack = Double(targetDuration * 3)
    /// How far from the end a delta update begins to skip, in seconds.
    public static let skipBoundary = Double(targetDuration * 6)
    /// How far from the end segments list their parts, in seconds.
    public static let partWindow = Double(targetDuration * 3)

    /// Which playlist it is.
    public var kind: Kind
    /// The number of the first segment.
    public var mediaSequence: UInt32
    /// The discontinuities before the first segment.
    public var discontinuitySequence: UInt32
    /// The segments in order; only the last may be growing.
    public var segments: [Segment]
    /// Where the next part will be.
    public var preloadHintURI: String?
    /// How far the other renditions have come.
    public var renditionReports: [RenditionReport]
    /// Whether nothing will follow.
    public var isEnded: Bool

    /// Creates a playlist.
    public init(
        kind: Kind,
        mediaSequence: UInt32,
        discontinuitySequence: UInt32,
        segments: [Segment],
        preloadHintURI: String? = nil,
        renditionReports: [RenditionReport] = [],
        isEnded: Bool = false
    ) {
        self.kind = kind
        self.mediaSequence = mediaSequence
        self.discontinuitySequence = discontinuitySequence
        self.segments = segments
        self.preloadHintURI = preloadHintURI
        self.renditionReports = renditionReports
        self.isEnded = isEnded
    }

    /// The text of the playlist, or of the delta update that `skipping` asks for where there is enough to skip.
    public func text(skipping: Bool = false) -> String {
        var lines = header
        let skipped = skipping && !isEnded ? skippableCount : 0
        if skipped > 0 { lines += "#EXT-X-SKIP:SKIPPED-SEGMENTS=\(skipped)\n" }
        append(from: skipped, to: &lines)
        if isEnded {
            lines += "#EXT-X-ENDLIST\n"
        } else if case .live = kind {
            appendTail(to: &lines)
        }
        return lines
    }

    private var header: String {
        var lines = "#EXTM3U\n#EXT-X-VERSION:\(Self.version)\n"
        lines += "#EXT-X-TARGETDURATION:\(Self.targetDuration)\n"
        switch kind {
        case .live(let partTarget):
            lines += serverControl(partTarget: partTarget)
            lines += "#EXT-X-PART-INF:PART-TARGET=\(PlaylistText.seconds(partTarget))\n"
        case .event:
            lines += serverControl(partTarget: nil)
            lines += "#EXT-X-PLAYLIST-TYPE:EVENT\n"
        }
        lines += "#EXT-X-MEDIA-SEQUENCE:\(mediaSequence)\n"
        lines += "#EXT-X-DISCONTINUITY-SEQUENCE:\(discontinuitySequence)\n"
        return lines
    }

    private func serverControl(partTarget: Double?) -> String {
        var attributes = ["HOLD-BACK=\(PlaylistText.decimal(Self.holdBack, places: 1))"]
        if let partTarget {
            attributes.append("PART-HOLD-BACK=\(PlaylistText.decimal(partTarget * 3, places: 3))")
        }
        // An ended playlist is never reloaded, and some players refuse the promise to block there.
        if !isEnded {
            attributes.insert("CAN-BLOCK-RELOAD=YES", at: 0)
            attributes.append("CAN-SKIP-UNTIL=\(PlaylistText.decimal(Self.skipBoundary, places: 1))")
        }
        return "#EXT-X-SERVER-CONTROL:" + attributes.joined(separator: ",") + "\n"
    }

    /// The leading segments that lie wholly before the skip boundary.
    private var skippableCount: Int {
        var fromEnd = 0.0
        for (index, segment) in segments.enumerated().reversed() {
            if fromEnd >= Self.skipBoundary { return index + 1 }
            fromEnd += segment.duration ?? segment.parts.reduce(0) { $0 + $1.duration }
        }
        return 0
    }

    private func append(from first: Int, to lines: inout String) {
        let partsFrom = firstSegmentWithParts
        for index in first..<segments.count {
            let segment = segments[index]
            let isSameMap = index > 0 && segments[index - 1].mapURI == segment.mapURI
            if segment.isDiscontinuity { lines += "#EXT-X-DISCONTINUITY\n" }
            if !isSameMap { lines += "#EXT-X-MAP:URI=\(PlaylistText.quoted(segment.mapURI))\n" }
            if kind != .event || index == 0 || segment.isDiscontinuity || segment.isAfterGap {
                lines +=
                    "#EXT-X-PROGRAM-DATE-TIME:\(PlaylistText.date(microseconds: segment.programDateTime))\n"
            }
            if index >= partsFrom { append(segment.parts, to: &lines) }
            guard let duration = segment.duration else { continue }
            if segment.isGap { lines += "#EXT-X-GAP\n" }
            lines += "#EXTINF:\(PlaylistText.seconds(duration)),\n\(segment.uri)\n"
        }
    }

    private var firstSegmentWithParts: Int {
        guard case .live = kind else { return segments.count }
        var fromEnd = 0.0
        for (index, segment) in segments.enumerated().reversed() {
            if fromEnd > Self.partWindow { return index + 1 }
            fromEnd += segment.duration ?? segment.parts.reduce(0) { $0 + $1.duration }
        }
        return 0
    }

    private func append(_ parts: [Part], to lines: inout String) {
        for part in parts {
            lines += "#EXT-X-PART:DURATION=\(PlaylistText.seconds(part.duration)),"
            lines += "URI=\(PlaylistText.quoted(part.uri))\(part.isIndependent ? ",INDEPENDENT=YES" : "")\n"
        }
    }

    private func appendTail(to lines: inout String) {
        if let preloadHintURI {
            lines += "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\(PlaylistText.quoted(preloadHintURI))\n"
        }
        for report in renditionReports {
            lines += "#EXT-X-RENDITION-REPORT:URI=\(PlaylistText.quoted(report.uri)),"
            lines += "LAST-MSN=\(report.lastMediaSequence),LAST-PART=\(report.lastPart)\n"
        }
    }
}
