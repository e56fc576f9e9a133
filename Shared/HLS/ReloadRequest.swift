/// The delivery directives of a playlist request (draft-pantos-hls-rfc8216bis §6.2.5).
public struct ReloadRequest: Sendable, Equatable {
    /// The ways directives can be wrong; each is answered by 400.
    public enum Failure: Error, Equatable {
        /// `_HLS_msn` is not a number that a segment can have.
        case malformedMediaSequence
        /// `_HLS_part` is not a number that a part can have.
        case malformedPart
        /// `_HLS_part` without `_HLS_msn`.
        case partWithoutMediaSequence
    }

    /// The segment that the answer must hold.
    public var mediaSequence: UInt32?
    /// The part of that segment that the answer must hold.
    public var part: Int?
    /// Whether a delta update will do.
    public var skips: Bool

    /// Creates a request.
    public init(mediaSequence: UInt32? = nil, part: Int? = nil, skips: Bool = false) {
        self.mediaSequence = mediaSequence
        self.part = part
        self.skips = skips
    }

    /// Reads the values of `_HLS_msn`, `_HLS_part` and `_HLS_skip`.
    public init(mediaSequence: String?, part: String?, skip: String?) throws(Failure) {
        skips = skip == "YES" || skip == "v2"
        self.mediaSequence = nil
        self.part = nil
        if let mediaSequence {
            guard let number = UInt32(digits: mediaSequence) else { throw .malformedMediaSequence }
            self.mediaSequence = number
        }
        if let part {
            guard let number = UInt32(digits: part) else { throw .malformedPart }
            guard self.mediaSequence != nil else { throw .partWithoutMediaSequence }
            self.part = Int(number)
        }
    }
}

extension UInt32 {
    /// Reads decimal digits and nothing else: no sign, no blanks.
    fileprivate init?(digits: String) {
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = UInt32(digits) else {
            return nil
        }
        self = value
    }
}

/// How far a track has come: decides whether a playlist request is answered, held or refused.
public struct LiveEdge: Sendable, Equatable {
    /// What to do with a request.
    public enum Verdict: Sendable, Equatable {
        /// Answer with the playlist as it is.
        case answer
        /// Hold the request until the edge satisfies it, at most ``LiveEdge/longestHold`` seconds; then 503.
        case hold
        /// Refuse with 400: it asks for more than two segments ahead.
        case refuse
    }

    /// The seconds after which a held request gets 503: three target durations.
    public static let longestHold = MediaPlaylist.targetDuration * 3

    /// The number that the next complete segment will have.
    public var growingMediaSequence: UInt32
    /// The parts that the growing segment has.
    public var growingPartCount: Int
    /// The parts of the newest complete segment.
    public var lastPartCount: Int
    /// Whether nothing will follow.
    public var isEnded: Bool

    /// Creates an edge.
    public init(
        growingMediaSequence: UInt32 = 0,
        growingPartCount: Int = 0,
        lastPartCount: Int = 0,
        isEnded: Bool = false
    ) {
        self.growingMediaSequence = growingMediaSequence
        self.growingPartCount = growingPartCount
        self.lastPartCount = lastPartCount
        self.isEnded = isEnded
    }

    /// Decides on one request.
    public func verdict(on request: ReloadRequest) -> Verdict {
        guard let wanted = request.mediaSequence, !isEnded else { return .answer }
        // The newest complete segment has the number before the growing one.
        guard Int64(wanted) <= Int64(growingMediaSequence) + 1 else { return .refuse }
        return isSatisfied(wanted, part: request.part) ? .answer : .hold
    }

    /// Whether the playlist holds a segment, or one of its parts; a part past the end of its segment means the
    /// first part of the next.
    public func isSatisfied(_ mediaSequence: UInt32, part: Int?) -> Bool {
        if isEnded { return true }
        let newest = Int64(growingMediaSequence) - 1
        if Int64(mediaSequence) < newest { return true }
        guard let part else { return Int64(mediaSequence) == newest }
        if Int64(mediaSequence) == newest { return part < lastPartCount || growingPartCount > 0 }
        return mediaSequence == growingMediaSequence && part < growingPartCount
    }
}
