/// A point or a length of media time, exact, comparable across timescales.
public struct MediaTime: Sendable, Hashable, Comparable {
    /// The number of ticks.
    public var ticks: Int64
    /// Ticks a second; never 0.
    public var timescale: UInt32

    /// Creates a time; a timescale of 0 counts as 1.
    public init(ticks: Int64, timescale: UInt32) {
        self.ticks = ticks
        self.timescale = max(1, timescale)
    }

    /// The time in seconds, rounded as floating point does.
    public var seconds: Double { Double(ticks) / Double(timescale) }

    /// The time in another timescale, rounded down and held within 64 bits.
    public func ticks(in timescale: UInt32) -> Int64 {
        let product = Int128(ticks) * Int128(timescale)
        let (quotient, remainder) = product.quotientAndRemainder(dividingBy: Int128(self.timescale))
        return Int64(clamping: remainder < 0 ? quotient - 1 : quotient)
    }

    /// Orders by time, exactly.
    public static func < (lhs: MediaTime, rhs: MediaTime) -> Bool {
        Int128(lhs.ticks) * Int128(rhs.timescale) < Int128(rhs.ticks) * Int128(lhs.timescale)
    }
}

extension Duration {
    /// The whole ticks of `timescale` in the duration, held within 64 bits.
    func ticks(in timescale: UInt32) -> Int64 {
        let (seconds, attoseconds) = components
        let fraction = Int128(attoseconds) * Int128(timescale) / 1_000_000_000_000_000_000
        return Int64(clamping: Int128(seconds) * Int128(timescale) + fraction)
    }
}
