/// How many bytes a viewer may be sent now: bursts are spread so that no queue on the way overflows.
struct SendPacer {
    /// What may go at once: most frames are smaller.
    static let burstByteCount = 64 << 10
    /// The same where a queue stands on the way.
    private static let tightBurstByteCount = 3000
    /// Bits a second before anything is known of the path.
    static let initialRate = 50_000_000
    /// The least, so that a wrong estimate can be found out.
    private static let leastRate = 300_000
    /// How much faster than the estimate a burst may go.
    private static let headroom = 2.5

    /// Bits a second.
    private(set) var rate = initialRate
    /// Whether no more goes than the path is thought to carry: what is sent beyond that would be lost.
    var isTight = false {
        didSet { if isTight != oldValue { use(estimate: estimate) } }
    }
    private var estimate = Int(Double(initialRate) / headroom)
    private var budget = burstByteCount
    private var lastTime: UInt64 = 0

    /// Whether something may be sent now.
    var isOpen: Bool { budget > 0 }

    /// Takes over an estimate of the path, in bits a second.
    mutating func use(estimate: Int) {
        self.estimate = min(estimate, 1_000_000_000)
        if isTight {
            rate = self.estimate
            budget = min(budget, Self.tightBurstByteCount)
        } else {
            rate = max(Self.leastRate, Int(Double(self.estimate) * Self.headroom))
        }
    }

    /// Lets time pass.
    mutating func advance(to now: UInt64) {
        defer { lastTime = now }
        guard lastTime > 0, now > lastTime else { return }
        let elapsed = min(now - lastTime, 1_000_000_000)
        let earned = Int(elapsed) * (rate / 8) / 1_000_000_000
        budget = min(isTight ? Self.tightBurstByteCount : Self.burstByteCount, budget + earned)
    }

    /// Takes note of bytes that were sent.
    mutating func spend(_ byteCount: Int) { budget -= byteCount }
}
