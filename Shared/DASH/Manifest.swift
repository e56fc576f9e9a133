public import Media

/// A media presentation description over numbered segments (ISO/IEC 23009-1), live or whole.
public struct Manifest: Sendable, Equatable {
    /// One segment of a representation.
    public struct Segment: Sendable, Equatable {
        /// Its number in URLs.
        public var number: UInt32
        /// When it begins, in the track's timescale, on the session's timeline.
        public var time: Int64
        /// Its length in the track's timescale.
        public var duration: Int64

        /// Creates a segment.
        public init(number: UInt32, time: Int64, duration: Int64) {
            self.number = number
            self.time = time
            self.duration = duration
        }
    }

    /// One track within a period.
    public struct Representation: Sendable, Equatable {
        /// What it holds.
        public var configuration: TrackConfiguration
        /// Bits a second.
        public var bandwidth: Int
        /// Adjoining segments with consecutive numbers; never empty.
        public var segments: [Segment]

        /// Creates a representation.
        public init(configuration: TrackConfiguration, bandwidth: Int, segments: [Segment]) {
            self.configuration = configuration
            self.bandwidth = bandwidth
            self.segments = segments
        }

        /// When its first segment begins, in seconds on the session's timeline.
        var start: Double { seconds(segments.first?.time ?? 0) }

        /// When its last segment ends, in seconds on the session's timeline.
        var end: Double { seconds((segments.last?.time ?? 0) &+ (segments.last?.duration ?? 0)) }

        private func seconds(_ time: Int64) -> Double {
            Double(time) / Double(max(1, configuration.timescale))
        }
    }

    /// A stretch without a break in timeline or coding.
    public struct Period: Sendable, Equatable {
        /// A name that stays while the presentation grows.
        public var id: String
        /// The tracks.
        public var representations: [Representation]

        /// Creates a period.
        public init(id: String, representations: [Representation]) {
            self.id = id
            self.representations = representations
        }

        var start: Double { representations.map(\.start).min() ?? 0 }
        var end: Double { representations.map(\.end).max() ?? 0 }
    }

    /// What is told about a presentation that still grows.
    public struct Live: Sendable, Equatable {
        /// The wall clock at the beginning of the session's timeline, in microseconds since 1970.
        public var availabilityStart: Int64
        /// The wall clock now.
        public var now: Int64

        /// Creates a description of a live presentation.
        public init(availabilityStart: Int64, now: Int64) {
            self.availabilityStart = availabilityStart
            self.now = now
        }
    }

    /// How far back a live presentation reaches, in seconds, unless all of it is asked for.
    public static let timeShift = 600.0

    /// Where the segments' URLs begin, relative to the manifest, where that is not beside it.
    public var baseURL: String?
    /// The second on the session's timeline that is shown as 0.
    public var origin: Double
    /// The periods in order.
    public var periods: [Period]
    /// How it grows, or `nil` where it is whole.
    public var live: Live?

    /// Creates a manifest.
    public init(origin: Double, periods: [Period], live: Live?, baseURL: String? = nil) {
        self.baseURL = baseURL
        self.origin = origin
        self.periods = periods
        self.live = live
    }

    /// The document.
    public var text: String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\""
        text += " profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" minBufferTime=\"PT2S\""
        text += " maxSegmentDuration=\"PT5S\"" + presentation + ">\n"
        if let baseURL { text += " <BaseURL>\(XMLText.escaped(baseURL))</BaseURL>\n" }
        for period in periods { text += element(period) }
        if let live {
            text += " <UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:direct:2014\""
            text += " value=\"\(XMLText.date(microseconds: live.now))\"/>\n"
        }
        return text + "</MPD>\n"
    }

    private var presentation: String {
        guard let live else {
            let length = (periods.last?.end ?? origin) - origin
            return " type=\"static\" mediaPresentationDuration=\"\(XMLText.duration(length))\""
        }
        return
            " type=\"dynamic\" availabilityStartTime=\"\(XMLText.date(microseconds: live.availabilityStart))\""
            + " publishTime=\"\(XMLText.date(microseconds: live.now))\" minimumUpdatePeriod=\"PT1S\""
            + " timeShiftBufferDepth=\"\(XMLText.duration(Self.timeShift))\" suggestedPresentationDelay=\"PT4S\""
    }

    private func element(_ period: Period) -> String {
        let start = XMLText.duration(period.start - origin)
        var text = " <Period id=\"\(XMLText.escaped(period.id))\" start=\"\(start)\">\n"
        for representation in period.representations where !representation.segments.isEmpty {
            text += element(representation, periodStart: period.start)
        }
        return text + " </Period>\n"
    }

    private func element(_ representation: Representation, periodStart: Double) -> String {
        let configuration = representation.configuration
        let kind = configuration.isVideo ? "video" : "audio"
        var text =
            "  <AdaptationSet id=\"\(configuration.track)\" contentType=\"\(kind)\" mimeType=\"\(kind)/mp4\""
        if configuration.language != "und" { text += " lang=\"\(XMLText.escaped(configuration.language))\"" }
        text += " segmentAlignment=\"true\">\n   <Representation id=\"\(configuration.track)\""
        text +=
            " codecs=\"\(XMLText.escaped(configuration.codecString))\" bandwidth=\"\(max(1, representation.bandwidth))\""
        text += Self.details(of: configuration) + ">\n"
        text += template(representation, periodStart: periodStart)
        return text + "   </Representation>\n  </AdaptationSet>\n"
    }

    private static func details(of configuration: TrackConfiguration) -> String {
        switch configuration.kind {
        case .video(let video):
            let rate = video.frameRate.map { " frameRate=\"\(XMLText.frameRate($0))\"" } ?? ""
            return " width=\"\(video.width)\" height=\"\(video.height)\"\(rate)"
        case .audio(let audio):
            return " audioSamplingRate=\"\(audio.sampleRate)\""
        }
    }

    private func template(_ representation: Representation, periodStart: Double) -> String {
        let configuration = representation.configuration
        let track = configuration.track
        let offset = Int64((min(max(periodStart, 0), 1e9) * Double(configuration.timescale)).rounded())
        var text =
            "    <SegmentTemplate timescale=\"\(configuration.timescale)\" presentationTimeOffset=\"\(offset)\""
        text +=
            " initialization=\"\(track)/init-\(configuration.generation).mp4\" media=\"\(track)/$Number$.m4s\""
        text += " startNumber=\"\(representation.segments.first?.number ?? 0)\">\n     <SegmentTimeline>\n"
        text += Self.timeline(of: representation.segments)
        return text + "     </SegmentTimeline>\n    </SegmentTemplate>\n"
    }

    /// Equal lengths that follow each other are one element.
    private static func timeline(of segments: [Segment]) -> String {
        var text = ""
        var index = 0
        while index < segments.count {
            let first = segments[index]
            var count = 1
            while index + count < segments.count, segments[index + count].duration == first.duration,
                segments[index + count].time == first.time &+ Int64(count) &* first.duration
            {
                count += 1
            }
            let repeats = count > 1 ? " r=\"\(count - 1)\"" : ""
            text += "      <S t=\"\(first.time)\" d=\"\(first.duration)\"\(repeats)/>\n"
            index += count
        }
        return text
    }
}
