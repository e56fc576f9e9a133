/// When the last packets of a connection left and how large they were, by transport-wide number.
struct SentPacketLog: Sendable {
    /// One packet that was sent and not yet told of.
    struct Entry: Sendable {
        /// When it left, in nanoseconds.
        var time: UInt64
        /// Bytes of it; 0 where nothing is known or it was told of.
        var byteCount: UInt32
        /// Whether it was told to be missing; it may come all the same.
        var isMissed = false
    }

    private var entries: [Entry]
    private var numbers: [UInt16]

    /// Creates a log of as many packets, rounded up to a power of two.
    init(capacity: Int) {
        let count = min(max(64, capacity), 1 << 15)
        let rounded = 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
        entries = Array(repeating: Entry(time: 0, byteCount: 0), count: rounded)
        numbers = Array(repeating: 0, count: rounded)
    }

    mutating func add(_ number: UInt16, byteCount: Int, now: UInt64) {
        let slot = Int(number) & (entries.count - 1)
        entries[slot] = Entry(time: now, byteCount: UInt32(clamping: byteCount))
        numbers[slot] = number
    }

    /// Returns what is known of a packet, `nil` where it is too old or was taken out.
    func entry(_ number: UInt16) -> Entry? {
        let slot = Int(number) & (entries.count - 1)
        guard numbers[slot] == number, entries[slot].byteCount > 0 else { return nil }
        return entries[slot]
    }

    /// Takes out a packet that has come.
    mutating func remove(_ number: UInt16) {
        let slot = Int(number) & (entries.count - 1)
        if numbers[slot] == number { entries[slot].byteCount = 0 }
    }

    /// Takes note that a packet is missing.
    ///
    /// - Returns: whether that is new: feedbacks overlap, and tell of the same packet again and again.
    mutating func miss(_ number: UInt16) -> Bool {
        guard let entry = entry(number), !entry.isMissed else { return false }
        entries[Int(number) & (entries.count - 1)].isMissed = true
        return true
    }
}
