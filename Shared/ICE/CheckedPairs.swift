/// The ways by which valid checks came, and which of them lead back to the peer for certain.
struct CheckedPairs: Sendable {
    private struct Knowledge {
        /// When the last valid check came.
        var lastCheck: UInt64
        /// Whether what is sent this way reaches the peer: a check says only that its sender knows the password, and
        /// the address that it seems to come from may be anybody's.
        var isProven: Bool

        /// What is kept before what.
        var worth: (Int, UInt64) { (isProven ? 1 : 0, lastCheck) }
    }

    private let limit: Int
    private var pairs: [CandidatePair: Knowledge] = [:]

    /// Remembers at most `limit` ways; of those that are not proven the one used longest ago goes first.
    init(limit: Int) { self.limit = limit }

    /// The ways, in no order.
    var all: [CandidatePair] { Array(pairs.keys) }

    /// The way that was used last.
    var newest: CandidatePair? { pairs.max { $0.value.lastCheck < $1.value.lastCheck }?.key }

    /// The proven way that was used last.
    var newestProven: CandidatePair? {
        pairs.filter(\.value.isProven).max { $0.value.lastCheck < $1.value.lastCheck }?.key
    }

    func contains(_ pair: CandidatePair) -> Bool { pairs[pair] != nil }

    func isProven(_ pair: CandidatePair) -> Bool { pairs[pair]?.isProven ?? false }

    /// Takes note of a valid check; a connection has proven its address by coming about.
    mutating func note(_ pair: CandidatePair, keeping selected: CandidatePair?, now: UInt64) {
        pairs[pair, default: Knowledge(lastCheck: now, isProven: pair.transport == .tcp)].lastCheck = now
        guard pairs.count > limit else { return }
        let others = pairs.filter { $0.key != selected && $0.key != pair }
        let least = others.min { $0.value.worth < $1.value.worth }
        if let least { pairs[least.key] = nil }
    }

    /// Takes note that the peer has got what was sent to it this way.
    mutating func prove(_ pair: CandidatePair) { pairs[pair]?.isProven = true }

    /// Takes back what ``prove(_:)`` has noted.
    mutating func doubt(_ pair: CandidatePair) { pairs[pair]?.isProven = pair.transport == .tcp }

    mutating func forget(_ pair: CandidatePair) { pairs[pair] = nil }
}
