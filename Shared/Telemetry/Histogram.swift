import Synchronization

/// Counts observations by size, scraped as a Prometheus histogram.
public final class Histogram: Sendable {
    /// Bounds that suit waiting times, in seconds.
    public static let seconds: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    struct Snapshot {
        var counts: [UInt64]
        var sum = 0.0
    }

    /// The upper bounds of the buckets, rising; one more takes everything above.
    public let bounds: [Double]
    private let state: Mutex<Snapshot>

    /// Creates an empty histogram.
    public init(bounds: [Double] = Histogram.seconds) {
        self.bounds = bounds.sorted()
        state = Mutex(Snapshot(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    /// Counts one observation.
    public func observe(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock {
            $0.counts[bucket] &+= 1
            $0.sum += value
        }
    }

    /// Counts one waiting time.
    public func observe(_ duration: Duration) {
        observe(Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18)
    }

    var snapshot: Snapshot { state.withLock { $0 } }
}
