/// Learns how far apart the samples of a track are, to predict when the next one will come.
struct SampleSpacing: Sendable {
    private static let memory = 16
    private var recent: [Int64] = []
    private var position = 0

    /// The usual distance between samples in ticks, 0 while nothing is known.
    private(set) var usual: Int64
    /// The longest distance that is still usual: clocks in milliseconds and jitter, but no lost frames.
    private(set) var longest: Int64

    /// Creates a spacing from what the configuration says; 0 where it says nothing.
    init(nominal: Int64) {
        usual = max(0, nominal)
        longest = usual
    }

    /// Takes note of the distance between two samples.
    mutating func observe(_ distance: Int64) {
        if recent.count < Self.memory {
            recent.append(distance)
        } else {
            recent[position] = distance
            position = (position + 1) % Self.memory
        }
        let sorted = recent.sorted()
        let median = sorted[sorted.count / 2]
        let inliers = sorted.filter { $0 <= median + median / 2 && $0 >= median / 2 }
        usual = (inliers.reduce(0, +) + Int64(inliers.count) / 2) / Int64(max(1, inliers.count))
        longest = inliers.last ?? usual
    }
}
