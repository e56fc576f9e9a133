/// What a way carries as receivers tell who do not report on packets by number: by the loss in their reports, and by
/// what they think themselves (REMB).
struct ReportedRate: Sendable {
    private enum Limits {
        /// Loss under which the rate rises.
        static let lowLoss = 0.02
        /// Loss over which it falls.
        static let highLoss = 0.10
        /// The rise in one second.
        static let growth = 0.08
        /// How far it rises over what is sent: the next larger layer must come within reach.
        static let headroom = 4
        /// How long a receiver's own estimate counts, in nanoseconds.
        static let lifetime: UInt64 = 10_000_000_000
        /// A report counts for no more than so many seconds.
        static let longestInterval = 5.0
    }

    /// Bits a second by loss.
    private(set) var bitsPerSecond: Int
    /// The share that was lost by the last report.
    private(set) var loss = 0.0
    private var limit: (bitsPerSecond: Int, time: UInt64)?
    private var lastReport: UInt64?

    init(initial: Int) { bitsPerSecond = initial }

    /// What the receiver thinks itself, where it has told so of late.
    func limit(at now: UInt64) -> Int? {
        limit.flatMap { now &- $0.time < Limits.lifetime ? $0.bitsPerSecond : nil }
    }

    /// Learns from a report on a stream of `sent` bits a second.
    mutating func receive(_ report: ReportBlock, sent: Int, now: UInt64) {
        let elapsed = min(lastReport.map { Double(now &- $0) / 1e9 } ?? 0, Limits.longestInterval)
        lastReport = now
        loss = Double(report.fractionLost) / 256
        if loss > Limits.highLoss {
            bitsPerSecond = Int(Double(min(bitsPerSecond, max(sent, 1))) * (1 - 0.5 * loss))
        } else if loss < Limits.lowLoss, bitsPerSecond < sent * Limits.headroom {
            bitsPerSecond += Int(Double(bitsPerSecond) * Limits.growth * elapsed)
        }
    }

    /// Learns what the receiver thinks itself.
    mutating func receive(_ estimate: BitrateEstimate, now: UInt64) {
        let told = Int(clamping: estimate.bitsPerSecond)
        limit = (told, now)
        if loss <= Limits.highLoss { bitsPerSecond = told }
    }

    /// Keeps within bounds.
    mutating func hold(within range: ClosedRange<Int>) {
        bitsPerSecond = min(max(bitsPerSecond, range.lowerBound), range.upperBound)
    }
}
