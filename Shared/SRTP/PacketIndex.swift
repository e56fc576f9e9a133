/// The 48-bit index of RTP packets of one SSRC: rollover counter and sequence number (RFC 3711 §3.3.1).
struct PacketIndex {
    /// The highest index so far.
    private(set) var highest: UInt64

    init(first index: UInt64) {
        highest = index
    }

    /// The index of `sequence` nearest to the highest so far, or `nil` where it would lie before the beginning.
    @inline(__always)
    func index(of sequence: UInt16) -> UInt64? {
        let distance = Int16(bitPattern: sequence &- UInt16(truncatingIfNeeded: highest))
        let index = Int64(highest) &+ Int64(distance)
        return index < 0 ? nil : UInt64(index)
    }

    /// Remembers that `index` was used.
    @inline(__always)
    mutating func note(_ index: UInt64) {
        if index > highest { highest = index }
    }
}

/// Which of the newest packets have been seen, so that none is taken twice (RFC 3711 §3.3.2).
struct ReplayWindow {
    /// How far back packets are told apart; older ones are refused.
    static let packetCount: UInt64 = 1024

    private var highest: UInt64?
    private var seen = InlineArray<16, UInt64>(repeating: 0)

    /// Whether `index` is new.
    func admits(_ index: UInt64) -> Bool {
        guard let highest, index <= highest else { return true }
        guard highest - index < Self.packetCount else { return false }
        return seen[Self.word(of: index)] & Self.bit(of: index) == 0
    }

    /// Remembers `index`, which must have been authenticated and admitted.
    mutating func note(_ index: UInt64) {
        advance(to: index)
        seen[Self.word(of: index)] |= Self.bit(of: index)
    }

    private mutating func advance(to index: UInt64) {
        guard let highest else {
            self.highest = index
            return
        }
        guard index > highest else { return }
        if index - highest >= Self.packetCount {
            seen = InlineArray(repeating: 0)
        } else {
            for passed in (highest + 1)...index { seen[Self.word(of: passed)] &= ~Self.bit(of: passed) }
        }
        self.highest = index
    }

    private static func word(of index: UInt64) -> Int { Int(truncatingIfNeeded: index >> 6 & 15) }
    private static func bit(of index: UInt64) -> UInt64 { 1 << (index & 63) }
}
