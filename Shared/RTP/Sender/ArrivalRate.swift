/// Bits a second that arrived over the last half second.
struct ArrivalRate: Sendable {
    private static let bucketMilliseconds = 50.0
    private static let bucketCount = 10
    private static let latestCount = 4
    /// Buckets that are enough to tell.
    private static let leastCount = 3

    private var buckets = [Int](repeating: 0, count: bucketCount)
    private var newest: Int?
    private var oldest = 0

    /// Counts a packet that arrived at `time`, in milliseconds of the receiver's clock.
    mutating func add(byteCount: Int, at time: Double) {
        let bucket = Int(clampingFloor: time / Self.bucketMilliseconds)
        guard let newest, abs(bucket - newest) < 1000 else { return begin(bucket, byteCount) }
        guard bucket > newest - Self.bucketCount else { return }
        if bucket > newest {
            for empty in max(newest + 1, bucket - Self.bucketCount + 1)...bucket { buckets[slot(empty)] = 0 }
            self.newest = bucket
        }
        buckets[slot(bucket)] += byteCount
    }

    /// The rate, `nil` until there is enough to tell.
    var bitsPerSecond: Int? { rate(of: Self.bucketCount - 1) }

    /// The rate over the last 200 ms: with a queue on the way, what the way carries now.
    var latestBitsPerSecond: Int? { rate(of: Self.latestCount) }

    private func rate(of limit: Int) -> Int? {
        guard let newest else { return nil }
        // The newest bucket is not full yet.
        let count = min(newest - oldest, limit)
        guard count >= Self.leastCount else { return nil }
        var byteCount = 0
        for bucket in newest - count..<newest { byteCount += buckets[slot(bucket)] }
        return byteCount * 8 * 1000 / (count * Int(Self.bucketMilliseconds))
    }

    private mutating func begin(_ bucket: Int, _ byteCount: Int) {
        buckets = [Int](repeating: 0, count: Self.bucketCount)
        newest = bucket
        oldest = bucket
        buckets[slot(bucket)] = byteCount
    }

    private func slot(_ bucket: Int) -> Int {
        let rest = bucket % Self.bucketCount
        return rest < 0 ? rest + Self.bucketCount : rest
    }
}

extension Int {
    /// The largest whole number that is not above `value`, held within bounds that leave room to count.
    fileprivate init(clampingFloor value: Double) {
        let held = Swift.min(Swift.max(value, -1e15), 1e15)
        let whole = Int(held)
        self = Double(whole) > held ? whole - 1 : whole
    }
}
