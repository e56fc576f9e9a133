/// What is printed at the end.
struct LoadReport: Codable {
    var viewers: Int
    var connected: Int
    /// Viewers that were told to come later, or not even asked for, until it was too late.
    var turnedAway: Int
    /// Viewers that got no packet while it was counted.
    var silent: Int
    var seconds: Double
    var packetsPerSecond: Double
    var megabitsPerSecond: Double
    var packetsReceived: Int
    var packetsLost: Int
    var viewersWithLoss: Int
    var packetsDecrypted: Int
    var packetsRefused: Int
    /// From the request to the keys.
    var connectMilliseconds: Quantiles
    /// From the request to the end of the first picture.
    var firstFrameMilliseconds: Quantiles
    /// From the publisher's socket, where it marks its pictures, to the viewer's.
    var forwardMilliseconds: Quantiles
    var setUpSeconds: Double
    var generatorCPUPercent: Double
    /// Reports on arrivals, of all viewers and since they came.
    var feedbacks: Int
    /// Offers that were answered by 503 and made again.
    var postponed: Int
    var failures: [String]
}

/// The spread of some figures.
struct Quantiles: Codable {
    var count = 0
    var p50 = 0.0
    var p99 = 0.0
    var most = 0.0

    init(_ values: [Double]) {
        let sorted = values.sorted()
        guard let last = sorted.last else { return }
        count = sorted.count
        p50 = sorted[sorted.count / 2]
        p99 = sorted[sorted.count * 99 / 100]
        most = last
    }
}
