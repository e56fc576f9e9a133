import Contracts

/// Where a session breaks: one count for all of its tracks, also for those that have a gap there or begin later
/// (draft-pantos-hls-rfc8216bis §6.2.4).
///
/// The writer names each break in the session's description before the first sample behind it. What it has not named,
/// as the writers of older recordings have not, is learnt from the tracks' own marks.
struct SessionBreaks: Sendable, Equatable {
    /// The breaks before those that are named.
    private(set) var earlier: UInt32
    /// The media sequence numbers of the segments that begin with a break, rising.
    private(set) var segments: [UInt32] = []

    init(earlier: UInt32 = 0) { self.earlier = earlier }

    init(_ described: SessionDescription.Breaks) {
        self.init()
        learn(described)
    }

    /// Whether a break comes behind segment `earlier`, and not behind segment `last`.
    func isBreak(after earlier: UInt32, through last: UInt32) -> Bool {
        count(through: last) > count(through: earlier)
    }

    /// Whether a segment begins with a break.
    func contains(_ mediaSequence: UInt32) -> Bool {
        let count = count(through: mediaSequence)
        return count > 0 && segments[count - 1] == mediaSequence
    }

    /// The breaks up to the beginning of a segment, its own included.
    func sequence(at mediaSequence: UInt32) -> UInt32 {
        earlier &+ UInt32(clamping: count(through: mediaSequence))
    }

    /// How many of ``segments`` are not behind `mediaSequence`.
    private func count(through mediaSequence: UInt32) -> Int {
        // Nearly always it is about the newest.
        segments.count - segments.reversed().prefix { $0 > mediaSequence }.count
    }

    /// Takes what the description names; what is known beside that stays.
    mutating func learn(_ described: SessionDescription.Breaks) {
        let oldest = described.segments.first ?? .max
        let known = segments.filter { $0 < oldest }.count
        if segments != described.segments {
            segments = Array(Set(segments).union(described.segments)).sorted()
        }
        // Of those that it only counts some are known.
        let counted = UInt32(clamping: described.earlier)
        earlier = counted > UInt32(clamping: known) ? counted - UInt32(clamping: known) : 0
    }

    /// Takes a mark of a track whose last segment was `last`: it is of the segment, unless a known break between the two
    /// is what it tells of.
    mutating func note(_ mediaSequence: UInt32, after last: UInt32) {
        guard mediaSequence > last, !isBreak(after: last, through: mediaSequence) else { return }
        if let oldest = segments.first, mediaSequence < oldest, earlier > 0 { earlier -= 1 }
        segments.insert(mediaSequence, at: count(through: mediaSequence))
    }
}
