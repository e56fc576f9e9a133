/// Which packet of the source each of the newest sequence numbers of one viewer's track stands for.
///
/// The older half is overwritten by the newer: what is asked for after that is not sent again.
struct SentPackets {
    private static let unused = UInt64.max

    private var packets: [UInt64]
    private let mask: UInt16

    /// Creates an empty memory of `count` packets, a power of two up to 32,768.
    init(count: Int) {
        packets = [UInt64](repeating: Self.unused, count: count)
        mask = UInt16(truncatingIfNeeded: count - 1)
    }

    /// Takes note that `sequence` carried `packet`.
    mutating func note(_ sequence: UInt16, packet: UInt64) {
        packets[Int(sequence & mask)] = packet << 16 | UInt64(sequence)
    }

    /// What `sequence` carried, where that is still known.
    func find(_ sequence: UInt16) -> UInt64? {
        let entry = packets[Int(sequence & mask)]
        guard entry != Self.unused, UInt16(truncatingIfNeeded: entry) == sequence else { return nil }
        return entry >> 16
    }

    /// Forgets all, as what was sent must not be sent again with other times.
    mutating func removeAll() {
        for index in packets.indices { packets[index] = Self.unused }
    }
}
