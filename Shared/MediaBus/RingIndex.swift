/// What a writer remembers of its ring on the bus: where its GOPs begin, to choose where it is trimmed.
struct RingIndex: Sendable {
    private struct GOP: Sendable {
        var counter: UInt64
        var time: UInt64
        /// The bytes written before it.
        var offset: Int
    }

    /// Complete GOPs that stay, whatever their age.
    static let completeGOPFloor = 2

    private let byteLimit: Int
    private let longest: UInt64
    private let floor: UInt64
    private var gops: [GOP] = []
    private var byteCount = 0

    /// Creates an index.
    ///
    /// - Parameters:
    ///   - byteLimit: The bytes of the ring; this limit wins over the others.
    ///   - longest: The age beyond which GOPs go, in nanoseconds.
    ///   - floor: The time that stays, in nanoseconds.
    init(byteLimit: Int, longest: UInt64, floor: UInt64) {
        self.byteLimit = byteLimit
        self.longest = longest
        self.floor = floor
    }

    /// Takes note of an entry.
    ///
    /// - Returns: the counter of the entry that the ring is to begin with from now on, where that changes.
    mutating func add(counter: UInt64, isKeyframe: Bool, byteCount: Int, at time: UInt64) -> UInt64? {
        if isKeyframe { gops.append(GOP(counter: counter, time: time, offset: self.byteCount)) }
        self.byteCount += byteCount
        guard isKeyframe || !fits(from: 0), !gops.isEmpty else { return nil }
        let start = max(firstThatFits, min(firstYoungEnough(at: time), lastOnTheFloor(at: time)))
        guard start > 0 else { return nil }
        gops.removeFirst(start)
        return gops.first?.counter
    }

    private func fits(from index: Int) -> Bool {
        byteCount - (index < gops.count ? gops[index].offset : byteCount) <= byteLimit
    }

    private var firstThatFits: Int {
        gops.indices.first { fits(from: $0) } ?? gops.count - 1
    }

    private func firstYoungEnough(at now: UInt64) -> Int {
        gops.firstIndex { now &- $0.time <= longest } ?? gops.count - 1
    }

    private func lastOnTheFloor(at now: UInt64) -> Int {
        let byTime = gops.lastIndex { now &- $0.time >= floor } ?? 0
        return max(0, min(byTime, gops.count - 1 - Self.completeGOPFloor))
    }
}
