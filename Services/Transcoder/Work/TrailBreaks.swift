import Media

/// The breaks of a source that what is made of it has yet to meet: the source is ahead.
struct TrailBreaks {
    /// Breaks ahead that are told apart; of more the oldest are one.
    static let limit = 64

    /// The segments that they begin, in the source's order.
    private var ahead: [UInt32] = []

    /// Takes note of a sample of the source.
    mutating func note(_ sample: StampTrail.Mark) {
        guard sample.flags.contains(.discontinuity), ahead.last != sample.mediaSequence else { return }
        if ahead.count == Self.limit { ahead.removeFirst() }
        ahead.append(sample.mediaSequence)
    }

    /// Whether the source has broken since segment `last`, up to the beginning of `mediaSequence`, which is made now.
    mutating func meet(_ mediaSequence: UInt32, after last: UInt32?) -> Bool {
        let met = ahead.prefix { $0 <= mediaSequence }
        defer { ahead.removeFirst(met.count) }
        return met.contains { segment in last.map { $0 < segment } ?? true }
    }
}
