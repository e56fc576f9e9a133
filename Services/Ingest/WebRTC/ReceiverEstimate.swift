import RTP

/// How much a publisher may send that has no transport-wide feedback: more while nothing is lost, less when much is.
struct ReceiverEstimate {
    /// The first estimate, in bits a second.
    static let first: UInt64 = 2_500_000
    /// The least.
    static let minimum: UInt64 = 150_000
    /// A tenth, in parts of 256.
    private static let seriousLoss = 26
    /// A fiftieth, in parts of 256.
    private static let harmlessLoss = 5

    /// Bits a second.
    private(set) var bitsPerSecond = first
    private let maximum: UInt64

    /// Creates an estimate that never exceeds `maximum` bits a second.
    init(maximum: Int) { self.maximum = max(Self.minimum, UInt64(clamping: maximum)) }

    /// Learns from the reports of one interval.
    mutating func update(with blocks: [ReportBlock]) {
        let loss = blocks.map { Int($0.fractionLost) }.max() ?? 0
        if loss > Self.seriousLoss {
            bitsPerSecond = bitsPerSecond / 100 * 85
        } else if loss < Self.harmlessLoss {
            bitsPerSecond = bitsPerSecond / 100 * 110
        }
        bitsPerSecond = min(max(bitsPerSecond, Self.minimum), maximum)
    }
}
