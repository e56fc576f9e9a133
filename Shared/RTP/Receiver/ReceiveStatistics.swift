/// What a receiver counts of one source, and the report block it makes of it (RFC 3550 §6.4.1, §A.3, §A.8).
public struct ReceiveStatistics: Sendable, Equatable {
    /// Ticks a second of the timestamps.
    public let clockRate: UInt32
    /// Packets that came, retransmissions not counted.
    public private(set) var packetCount: UInt64 = 0
    /// Bytes of payload that came.
    public private(set) var byteCount: UInt64 = 0
    /// When the last packet came, in nanoseconds.
    public private(set) var lastArrival: UInt64 = 0

    private var first: Int64?
    private var highest: Int64 = 0
    private var expectedBefore: Int64 = 0
    private var receivedBefore: UInt64 = 0
    /// The jitter in 1/16 tick.
    private var scaledJitter: Int64 = 0
    private var lastTransit: Int64?
    private var lastReport: (compactTime: UInt32, arrival: UInt64)?

    /// Creates statistics of a source whose timestamps count `clockRate` ticks a second.
    public init(clockRate: UInt32) { self.clockRate = max(1, clockRate) }

    /// Compares all that was counted.
    public static func == (lhs: ReceiveStatistics, rhs: ReceiveStatistics) -> Bool {
        lhs.packetCount == rhs.packetCount && lhs.byteCount == rhs.byteCount && lhs.highest == rhs.highest
            && lhs.scaledJitter == rhs.scaledJitter
    }

    /// Packets that should have come since the first.
    public var expectedCount: Int64 { first.map { highest - $0 + 1 } ?? 0 }

    /// Packets that did not come, or that came only as retransmissions; negative where duplicates did.
    public var lostCount: Int64 { expectedCount - Int64(clamping: packetCount) }

    /// The jitter of arrivals in nanoseconds.
    public var jitterNanoseconds: UInt64 {
        UInt64(max(0, scaledJitter >> 4)) * 1_000_000_000 / UInt64(clockRate)
    }

    /// Counts a packet that came at `now`, in nanoseconds.
    public mutating func receive(sequence: Int64, timestamp: UInt32, byteCount: Int, now: UInt64) {
        highest = first == nil ? sequence : max(highest, sequence)
        if first == nil { first = sequence }
        packetCount += 1
        self.byteCount &+= UInt64(max(0, byteCount))
        lastArrival = now
        let transit = ticks(now) &- Int64(timestamp)
        if let lastTransit {
            // Timestamps wrap at 32 bits, and so does the difference.
            let difference = Int64(Int32(truncatingIfNeeded: transit &- lastTransit)).magnitude
            let capped = Int64(min(difference, UInt64(clockRate)))
            scaledJitter += capped - (scaledJitter + 8) >> 4
        }
        lastTransit = transit
    }

    private func ticks(_ now: UInt64) -> Int64 {
        let seconds = now / 1_000_000_000
        let rest = now % 1_000_000_000 * UInt64(clockRate) / 1_000_000_000
        return Int64(truncatingIfNeeded: seconds &* UInt64(clockRate) &+ rest)
    }

    /// Notes a report of the source that came at `now`.
    public mutating func receive(_ report: SenderReport, now: UInt64) {
        lastReport = (report.compactTime, now)
    }

    /// Forgets where the source counts, since it began anew.
    public mutating func restart() {
        first = nil
        packetCount = 0
        expectedBefore = 0
        receivedBefore = 0
        lastTransit = nil
    }

    /// Makes the block that tells `ssrc` how it is received, and begins the next interval.
    public mutating func makeReportBlock(ssrc: UInt32, now: UInt64) -> ReportBlock {
        let expected = expectedCount - expectedBefore
        let received = Int64(clamping: packetCount - receivedBefore)
        expectedBefore = expectedCount
        receivedBefore = packetCount
        let lost = max(0, expected - received)
        return ReportBlock(
            ssrc: ssrc,
            fractionLost: expected > 0 ? UInt8(min(255, lost * 256 / expected)) : 0,
            cumulativeLost: Int32(min(max(lostCount, -0x80_0000), 0x7f_ffff)),
            highestSequenceNumber: UInt32(truncatingIfNeeded: highest &- 0x1_0000),
            jitter: UInt32(truncatingIfNeeded: scaledJitter >> 4),
            lastSenderReport: lastReport?.compactTime ?? 0,
            delaySinceLastSenderReport: delay(at: now)
        )
    }

    private func delay(at now: UInt64) -> UInt32 {
        guard let lastReport, now >= lastReport.arrival else { return 0 }
        let nanoseconds = min(now - lastReport.arrival, 60_000 * 1_000_000_000)
        return UInt32(truncatingIfNeeded: (nanoseconds << 16) / 1_000_000_000)
    }
}
