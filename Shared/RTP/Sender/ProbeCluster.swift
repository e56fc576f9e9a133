/// A short burst of packets at one rate, whose arrival tells whether a way carries that much.
struct ProbeCluster: Sendable {
    /// What it has told.
    enum Outcome: Equatable {
        /// The way carries as many bits a second, and may carry more.
        case carried(Int)
        /// The packets came at no more than so many bits a second.
        case saturated(Int)
        /// Too many are missing.
        case lost
    }

    private enum Limits {
        /// How long it lasts at least, in nanoseconds.
        static let duration: UInt64 = 40_000_000
        /// What it sends at least.
        static let byteCount = 9600
        /// How long the last feedback on it is waited for.
        static let patience: UInt64 = 600_000_000
        /// The share that must have come.
        static let share = 0.8
        /// Less than this share of the rate means that a queue has grown.
        static let saturation = 0.9
        /// What is left of the rate of arrival then, so that the queue drains.
        static let drain = 0.95
    }

    /// Bits a second that it is sent at.
    let rate: Int
    private let start: UInt64
    private let goal: Int
    private var sentByteCount = 0
    private var packetCount = 0
    private var firstNumber: UInt16 = 0
    /// Bytes that left at the very beginning: the time in which they left is not known.
    private var firstByteCount = 0
    private var lastSent: UInt64
    private var receivedCount = 0
    private var receivedByteCount = 0
    private var firstArrival: (time: Int64, byteCount: Int)?
    private var lastArrival = Int64.min

    /// Begins a burst of `rate` bits a second.
    init(rate: Int, now: UInt64) {
        self.rate = max(1, rate)
        start = now
        lastSent = now
        goal = max(Limits.byteCount, Int(Double(rate) / 8 * Double(Limits.duration) / 1e9))
    }

    /// Whether all that belongs to it has left.
    var isSent: Bool { sentByteCount >= goal }

    /// Bytes that are due now and not sent.
    func debt(now: UInt64) -> Int {
        guard !isSent, now >= start else { return 0 }
        // The first packets leave at once, and one that is late does not make up for more than the whole.
        let elapsed = Double(min(now - start, 1_000_000_000)) / 1e9
        return min(goal, Int(Double(rate) / 8 * elapsed) + 1) - sentByteCount
    }

    /// Takes note of a packet that leaves while it lasts.
    mutating func send(_ number: UInt16, byteCount: Int, now: UInt64) {
        guard !isSent else { return }
        if packetCount == 0 { firstNumber = number }
        if now == start { firstByteCount += byteCount }
        packetCount += 1
        sentByteCount += byteCount
        lastSent = now
    }

    /// Takes note of a packet that came, by the receiver's clock.
    mutating func receive(_ number: UInt16, byteCount: Int, arrival: Int64) {
        guard Int(number &- firstNumber) < packetCount else { return }
        receivedCount += 1
        receivedByteCount += byteCount
        if firstArrival.map({ arrival < $0.time }) ?? true { firstArrival = (arrival, byteCount) }
        lastArrival = max(lastArrival, arrival)
    }

    /// What it has told, `nil` as long as that is not known.
    func outcome(now: UInt64) -> Outcome? {
        guard isSent, receivedCount >= packetCount || now > lastSent + Limits.patience else { return nil }
        guard Double(receivedCount) >= Double(packetCount) * Limits.share, let firstArrival else {
            return .lost
        }
        let sent = Self.rate(sentByteCount - firstByteCount, over: Int64(clamping: lastSent - start))
        let received = Self.rate(
            receivedByteCount - firstArrival.byteCount,
            // The receiver's clock begins where it likes, below zero too, and may run over.
            over: lastArrival &- firstArrival.time
        )
        guard let sent, let received else { return .carried(rate) }
        if received < sent * Limits.saturation { return .saturated(Int(received * Limits.drain)) }
        return .carried(Int(min(sent, received)))
    }

    private static func rate(_ byteCount: Int, over nanoseconds: Int64) -> Double? {
        guard nanoseconds > 0, byteCount > 0 else { return nil }
        return min(Double(byteCount) * 8e9 / Double(nanoseconds), 1e12)
    }
}
