/// Where one viewer is in the pictures of its stream, and which times it is shown them at.
///
/// Whoever joins in the middle of a group of pictures gets it from its keyframe on, with times pressed together so
/// that the newest picture keeps its own: the player decodes through and is live. The same happens after a loss
/// that resends do not mend, and when the layer changes.
struct VideoPlayhead {
    /// Pictures that were caught up with, and their times.
    private struct Burst {
        var first: UInt64
        var last: UInt64
        /// The timestamp of the first.
        var base: UInt32
        /// From picture to picture.
        var step: UInt32
    }

    /// Where another layer begins: its times must not step back behind those of the layer before.
    private struct Entrance {
        /// Pictures after which the times have long risen by themselves.
        static let pictureLimit: UInt64 = 256

        var first: UInt64
        /// The least timestamp of the first.
        var least: UInt32
    }

    /// The largest group that is caught up with.
    static let groupByteLimit = 4 << 20
    /// The longest group that is caught up with, in nanoseconds.
    static let groupDurationLimit: Int64 = 5_000_000_000
    /// A viewer that is further behind goes on at the next keyframe, in nanoseconds.
    static let lagLimit: Int64 = 2_000_000_000
    /// The same where a connection is behind and a newer keyframe is there.
    static let heldUpLagLimit: Int64 = 250_000_000
    /// From picture to picture while catching up: a millisecond.
    private static let burstStep: UInt32 = 90
    /// Pictures after a burst that say that the hurry is over.
    private static let settlingFrames: UInt64 = 30

    /// The next picture; `nil` while a keyframe is waited for.
    private(set) var frame: UInt64?
    /// The next packet of it.
    private(set) var packet = 0
    private var burst: Burst?
    private var entrance: Entrance?

    /// Whether it waits for a keyframe.
    var isWaiting: Bool { frame == nil }

    /// Whether the newest group of pictures is fit to begin with: small, or no more than its keyframe.
    static func canBegin(in ring: PacketRing) -> Bool {
        guard let key = ring.newestKeyframe, let first = ring.block(at: key), let newest = ring.newest else {
            return false
        }
        if key == newest.frame { return true }
        return ring.groupByteCount <= groupByteLimit
            && newest.mediaTime &- first.mediaTime <= groupDurationLimit
    }

    /// Begins at the newest keyframe.
    ///
    /// - Parameters:
    ///   - offset: What is added to the timestamps of the source.
    ///   - last: The timestamp that the viewer has been sent last.
    /// - Returns: `false` where there is none to begin at yet.
    mutating func begin(in ring: PacketRing, offset: UInt32, after last: UInt32?) -> Bool {
        guard Self.canBegin(in: ring), let key = ring.newestKeyframe, let newest = ring.newest else {
            frame = nil
            return false
        }
        let end = UInt32(truncatingIfNeeded: newest.timestamp) &+ offset
        let count = UInt32(truncatingIfNeeded: newest.frame &- key)
        var step = Self.burstStep
        var base = end &- count &* step
        if let last, Int32(bitPattern: base &- last) <= 0 {
            // The times must go on rising: press harder, or else overtake the newest by some ticks.
            let room = Int32(bitPattern: end &- last)
            step = room > Int32(clamping: count) ? UInt32(room) / (count + 1) : 1
            base = room > Int32(clamping: count) ? end &- count &* step : last &+ 1
        }
        entrance = nil
        burst = Burst(first: key, last: newest.frame, base: base, step: step)
        frame = key
        packet = 0
        return true
    }

    /// The keyframe at which another layer can be entered: the newest, where it came after `time` or is the newest
    /// picture but one at most.
    static func entrance(to ring: PacketRing, since time: UInt64) -> PacketBlock? {
        guard let key = ring.newestKeyframe.flatMap({ ring.block(at: $0) }), let newest = ring.newest else {
            return nil
        }
        return key.arrival >= time || newest.frame &- key.frame <= 1 ? key : nil
    }

    /// Whether all that belongs before `key` of another layer has been sent, or cannot be waited for.
    func hasReached(_ key: PacketBlock, of next: PacketRing, in ring: PacketRing) -> Bool {
        guard packet == 0 else { return false }
        guard let frame, let newest = next.newest, newest.frame == key.frame else { return true }
        return (ring.block(at: frame) ?? ring.newest).map { $0.mediaTime >= key.mediaTime } ?? true
    }

    /// Goes over to another layer at its keyframe.
    ///
    /// Each picture keeps its own time, unless one that is as late has been sent already.
    mutating func enter(at key: PacketBlock, after last: UInt32?) {
        frame = key.frame
        packet = 0
        burst = nil
        entrance = last.map { Entrance(first: key.frame, least: $0 &+ 1) }
    }

    /// Waits for the next keyframe.
    mutating func wait() {
        frame = nil
        packet = 0
    }

    /// Goes on behind a packet.
    mutating func advance(in block: PacketBlock) {
        packet += 1
        guard packet >= block.packetCount else { return }
        packet = 0
        frame = block.frame &+ 1
    }

    /// The timestamp that a picture is sent with, the same whenever it is sent again.
    func timestamp(of block: PacketBlock, offset: UInt32) -> UInt32 {
        guard let burst, block.frame >= burst.first, block.frame <= burst.last else {
            return entered(block, UInt32(truncatingIfNeeded: block.timestamp) &+ offset)
        }
        return burst.base &+ UInt32(truncatingIfNeeded: block.frame &- burst.first) &* burst.step
    }

    private func entered(_ block: PacketBlock, _ timestamp: UInt32) -> UInt32 {
        guard let entrance, block.frame >= entrance.first else { return timestamp }
        let count = block.frame - entrance.first
        guard count < Entrance.pictureLimit else { return timestamp }
        let least = entrance.least &+ UInt32(count)
        return Int32(bitPattern: timestamp &- least) < 0 ? least : timestamp
    }

    /// How urgent a picture is, the same whenever it is sent again.
    func isHurried(_ block: PacketBlock) -> Bool? {
        guard let burst, block.frame >= burst.first else { return nil }
        if block.frame <= burst.last { return true }
        return block.frame <= burst.last &+ Self.settlingFrames ? false : nil
    }
}
